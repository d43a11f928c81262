/*
 * usertrack.js: what people do on a page, as events in the format of PostHog's capture. No dependency, no cookie.
 *
 * Nothing is stored or sent without consent, nor with Do-Not-Track or Global Privacy Control. No value of a form, no
 * query string and no id in a path leaves the page. An event has an id, and stays in sessionStorage until a server has
 * acknowledged it: what is sent twice is stored once.
 *
 * usertrack.min.js is built from this file by scripts/tracker.py.
 */
(() => {
  const BATCH = 50; // events a request
  const LONGEST = 20000; // characters; browsers send 64 KiB from a page that is closed
  const QUEUE = 1000; // events that wait for a server; then the oldest go
  const HEARTBEAT = 15000; // of visible time
  const IDLE = 60000;
  const SESSION_IDLE = 1800000;
  const SESSION_LONGEST = 86400000;
  const ERRORS = 10; // a page
  const DEAD = 2500;
  const OWN_LOOK = 700; // how long a control may look pressed

  const doc = document;
  const now = Date.now;
  const script = doc.currentScript || doc.querySelector('[data-usertrack-api-key],[data-tippen-api-key]');
  if (!script || window.usertrack) return;
  const option = (name) =>
    script.getAttribute('data-usertrack-' + name) || script.getAttribute('data-tippen-' + name) || undefined;
  const apiKey = option('api-key');
  const endpoint = (option('host') || new URL(script.src).origin) + '/batch/';

  let active = false;
  const on = (types, handler, target = doc) =>
    types.split(' ').forEach((type) => target.addEventListener(type, (event) => active && handler(event), true));

  // What is stored: for all tabs who it is and the session, for this tab its id and the queue

  const write = (storage, name, value) => {
    try {
      if (value) window[storage].setItem('usertrack' + name, JSON.stringify(value));
      else window[storage].removeItem('usertrack' + name);
    } catch (_) {} // full or forbidden: memory holds it
  };
  const read = (storage, name) => {
    try {
      return JSON.parse(window[storage].getItem('usertrack' + name));
    } catch (_) {}
  };
  const LOCAL = 'localStorage';
  const TAB = 'sessionStorage';

  /** A UUID of version 7: the time, and decimal digits, which are hexadecimal too. */
  const uuid = () =>
    (now().toString(16).padStart(12, 0) + 7 + crypto.getRandomValues(new BigUint64Array(3)).join('')).replace(
      /(.{8})(.{4})(.{4})(.{3})(.{12}).*/,
      '$1-$2-$3-a$4-$5'
    );

  let self; // {id, device, signature, session, began, seen}
  let tab;
  let queue = [];

  const renew = () => {
    const device = uuid();
    self = { id: device, device };
  };

  const session = () => {
    const time = now();
    const stored = read(LOCAL, ''); // another tab may have been active
    if (stored?.id === self.id) self = stored;
    if (!(time - self.seen < SESSION_IDLE && time - self.began < SESSION_LONGEST)) {
      self.session = uuid();
      self.began = time;
    }
    self.seen = time;
    write(LOCAL, '', self);
    return self.session;
  };

  // Where: the path without ids and query; core/routes.py has the same rule

  const ID =
    /^(\d+|(?=.*\d)([\da-f]{8,}|[\w-]{16,}|\w{1,12}_[\da-z]{8,})|.+(@|%40).+)$/i;
  const template = (path) => path.replace(/[^/]+/g, (part) => (ID.test(part) ? ':id' : part));
  const path = () => (location.pathname + (/^#!?\/[^?]*/.exec(location.hash) || '')).replace(/\/?#!?/, '');
  const masked = (text) => text.replace(/[^\s@]+@[^\s@]+|\d+/g, '*').replace(/\s+/g, ' ').trim().slice(0, 200);

  // Events, and how they get to the server

  let page;

  const capture = (event, properties, time = now()) => {
    if (!active) return;
    const $pathname = template(page);
    const item = {
      event,
      uuid: uuid(),
      distinct_id: self.id,
      timestamp: new Date(time),
      properties: {
        $current_url: location.origin + $pathname,
        $pathname,
        $host: location.host,
        $session_id: session(),
        $window_id: tab,
        $device_id: self.device,
        $process_person_profile: self.id !== self.device,
        $identity_signature: self.signature,
        $lib: 'usertrack.js',
        ...properties,
      },
    };
    try {
      queue = [...queue, JSON.stringify(item)].slice(-QUEUE);
    } catch (error) {
      console.warn(error);
    }
    write(TAB, '_queue', queue);
    if (queue.length >= BATCH) flush();
  };

  let sending = 0;
  let failures = 0;
  let notBefore = 0;

  const nextBatch = (from) => {
    let size = 0;
    return queue.slice(from, from + BATCH).filter((text, i) => (size += text.length) < LONGEST || !i);
  };
  const body = (batch) => `{"api_key":"${apiKey}","sent_at":${JSON.stringify(new Date())},"batch":[${batch}]}`;

  const flush = async () => {
    if (!active || sending || !queue.length || !navigator.onLine || now() < notBefore) return;
    const batch = nextBatch(0);
    const text = body(batch);
    let status = 0;
    let wait = 0;
    sending = batch.length;
    try {
      // as plain text: for that, browsers do not ask the server first
      const answer = await fetch(endpoint, {
        method: 'POST',
        body: text,
        keepalive: text.length < LONGEST,
        credentials: 'omit',
        signal: AbortSignal.timeout(15000),
      });
      status = answer.status;
      wait = answer.headers.get('Retry-After') * 1000;
    } catch (_) {} // offline, or no server
    sending = 0;
    if (/^([23]|4(?!08|29))/.test(status)) {
      failures = 0;
      queue = queue.filter((text) => !batch.includes(text));
      write(TAB, '_queue', queue);
      if (queue.length >= BATCH) flush();
    } else notBefore = now() + Math.max(wait, 1000 * 2 ** Math.min(failures++, 6) * (0.5 + Math.random()));
  };

  // The page may be gone at any moment. Nobody acknowledges a beacon, so its events stay in the queue of this tab, and
  // its next page sends them once more.
  const beacon = () => {
    let from = sending;
    while (navigator.onLine && from < queue.length) {
      const batch = nextBatch(from);
      if (!navigator.sendBeacon(endpoint, body(batch))) break;
      from += batch.length;
    }
  };

  // Pages, and the time in which people really look at them

  let since;
  let visible;
  let reported;
  let lastInput = now();
  let lastTick = lastInput;

  const enter = () => {
    page = path();
    since = now();
    visible = reported = 0;
    capture('$pageview');
  };

  const tick = () => {
    const time = now();
    if (!doc.hidden && time - lastInput < IDLE) visible += Math.min(time - lastTick, 2000);
    lastTick = time;
    if (visible - reported >= HEARTBEAT) report();
  };
  const report = (event = 'page_time', properties) => {
    reported = visible;
    capture(event, { visible_seconds: visible / 1000, ...properties });
  };
  const leave = () => {
    tick();
    settle();
    report('$pageleave', { $prev_pageview_duration: (now() - since) / 1000 });
  };
  const route = () => {
    if (path() === page) return;
    leave();
    enter();
  };

  // What was clicked: a selector that outlives a release, and the label of a button or tab; no name, number or value

  const LABELLED = 'button,summary,[role=button],[role=tab],[role=menuitem],nav a';
  const CONTROLS =
    LABELLED + ',a,input,select,textarea,label,[onclick],[role=link],[role=option],[role=radio],[role=checkbox],[role=switch]';
  const UNSTABLE = /\d\d|[:@]|^(css|sc)-|active|focus|open|select|disabled/i;
  // fields answer by themselves, and what a click does in the others, the document does not show
  const OPAQUE = ':read-write,select,label,[type=range],[type=color],[type=file],canvas,video,audio,[data-usertrack-ignore]';

  const selector = (element, depth = 0) => {
    const tag = element.localName;
    for (const name of ['data-testid', 'id', 'name']) {
      const value = element.getAttribute(name);
      if (value && !UNSTABLE.test(value)) return name === 'id' ? tag + '#' + value : `${tag}[${name}="${value}"]`;
    }
    const own = [tag, ...[...element.classList].filter((each) => !UNSTABLE.test(each)).slice(0, 2)].join('.');
    const parent = element.parentElement;
    return depth < 3 && parent && parent !== doc.body ? selector(parent, depth + 1) + '>' + own : own;
  };
  const described = (element) => {
    const isLabelled = element.closest(LABELLED) && !element.closest('[data-usertrack-mask]');
    return {
      $event_type: 'click',
      $el_text: isLabelled ? masked(element.ariaLabel || element.textContent) : '',
      selector: selector(element),
    };
  };

  /** What a click is meant for: a control, or what the pointer shows to be clickable. */
  const control = (target) => target.closest(CONTROLS) || (getComputedStyle(target).cursor === 'pointer' && target);

  // Rage and dead clicks: those that nothing answers which a person can see

  let answers = []; // when the page changed
  let burst = []; // clicks near one another
  let pending = []; // clicks that may be dead
  let pressed; // the latest, with its control as it was before
  let observer;

  /** How a control looks: its text, and its markup; with what fields show, which only scripts can change unseen. */
  const looks = (element) => {
    const fields = [...doc.querySelectorAll('input:not([type=password]),select,textarea')].slice(0, 300);
    return [element.textContent, element.outerHTML].map((look) => look + fields.map((each) => each.value));
  };
  const changed = ({ element, before, focus, path }) =>
    looks(element)[1] !== before[1] || ![focus, ...path].includes(doc.activeElement);
  const answer = () => {
    if (observer && !(now() - answers.at(-1) < 20)) answers.push(now());
  };
  /** What moves within a control that is pressed, such as a ripple, is no answer by itself: its look is compared. */
  const isInside = ({ target, type, element = pressed.element }) =>
    element.contains(target) && (target !== element || type === 'childList');
  const press = (event) => {
    const path = event.composedPath();
    const target = path[0];
    if (!event.isTrusted || !target.closest) return;
    const isControl = control(target);
    const element = isControl || target;
    pressed = { element, isControl, target, path, from: now(), before: looks(element), focus: doc.activeElement };
    observer = observer || new MutationObserver((records) => records.every(isInside) || answer());
    for (const root of [doc, ...path.filter((node) => node.host)])
      observer.observe(root, { childList: true, subtree: true, characterData: true, attributes: true });
  };

  const judge = () => {
    const clicks = burst;
    burst = [];
    if (clicks.length < 3) return;
    const first = clicks[0];
    const texts = clicks.filter(({ before }, i) => i && before[0] !== clicks[i - 1].before[0]).length + changed(first);
    const answered = Math.max(texts, answers.filter((at) => at >= first.from).length);
    if (clicks.length - answered >= 3 || clicks.some((click) => click.failed))
      capture('$rageclick', { ...first.what, click_count: clicks.length }, clicks[2].at);
  };
  const check = () => {
    const time = now();
    pending = pending.filter((click) => {
      const age = time - click.at;
      if (answers.some((at) => at >= click.from) || (time - pressed.from > OWN_LOOK && changed(click))) return;
      if (age < DEAD) return true;
      capture('$dead_click', { ...click.what, $dead_click_absolute_delay_ms: age }, click.at);
    });
    if (time - burst.at(-1)?.at > 1000) judge();
    if (!pending.length && !burst.length && observer && time - pressed.from > 1000) {
      observer.disconnect();
      observer = 0;
      answers = [];
    }
  };
  /** Whoever leaves a page has been answered. */
  const settle = () => (pending = burst = []);

  const onClick = (event) => {
    const target = event.composedPath()[0];
    if (!event.isTrusted || !target.closest) return;
    if (!observer || pressed.target !== target) press(event); // by the keyboard
    const { element, isControl } = pressed;
    const what = described(element);
    if (isControl) capture('$autocapture', what);
    if (event.ctrlKey || event.metaKey || target.closest(OPAQUE)) return;
    const click = { ...pressed, at: now(), x: event.clientX, y: event.clientY, what };
    pressed = click;
    const last = burst.at(-1);
    // PostHog's: each within 30 px and a second of the one before
    if (last && (Math.abs(click.x - last.x) + Math.abs(click.y - last.y) >= 30 || click.at - last.at >= 1000)) judge();
    burst = [...burst, click];
    if (target.closest('a[target],a[download],[href^=mailto],[href^=tel],[href^=blob]')) answer();
    else if (isControl && !pending.some((other) => other.element === element)) pending = [...pending, click];
  };

  // Errors, forms: kinds and names, never a value

  let errors = 0;

  const onError = (error, message) => {
    const type = error?.name || 'Error';
    const value = masked('' + (error?.message || message));
    if (pressed?.what && !pressed.failed && now() - pressed.at < 1000) {
      pressed.failed = true;
      capture('error_click', { ...pressed.what, message: value });
    }
    if (errors++ < ERRORS)
      capture('$exception', {
        $exception_list: [{ type, value, mechanism: { handled: false } }],
        $exception_fingerprint: type + ': ' + value.replace(/"[^"]*"|'[^']*'/g, '*'),
      });
  };

  const nameOf = (element) => element.getAttribute('name') || element.getAttribute('id') || selector(element);
  const invalid = (element) => {
    let reason;
    for (const kind in element.validity) if (element.validity[kind] && kind !== 'valid') reason = kind;
    capture('field_error', { form_id: nameOf(element.form || element), field: nameOf(element), reason });
  };

  // Who it is

  let who = [option('user-id'), { email: option('user-email'), tier: option('subscription-tier'), signature: option('signature') }];

  const identify = (id, traits, level) => {
    who = [id, traits, level];
    if (!active || !id) return;
    id = '' + id;
    const { email, tier, signature } = typeof traits === 'string' ? { email: traits, tier: level } : traits || {};
    const claims = [email, tier, signature].join();
    if (self.id === id && read(TAB, '_claims') === claims) return;
    write(TAB, '_claims', claims);
    if (self.id !== self.device && self.id !== id) renew(); // somebody else at this computer
    const before = self.id;
    self.id = id;
    self.signature = signature?.split('.')[0];
    write(LOCAL, '', self);
    capture('$identify', {
      $anon_distinct_id: before === id ? undefined : before,
      $identity_signature: signature,
      $set: { claimed_email: email, claimed_subscription_tier: tier },
    });
  };

  // Consent, and the beginning

  let listening;

  const start = () => {
    if (active || !apiKey || navigator.globalPrivacyControl || navigator.doNotTrack > 0) return;
    active = true;
    self = read(LOCAL, '');
    if (!self) renew();
    queue = read(TAB, '_queue') || [];
    write(TAB, '_tab', (tab = read(TAB, '_tab') || uuid()));
    page = path();
    identify(...who);
    enter();
    if (!listening) listen();
  };

  const listen = () => {
    listening = true;
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function (...values) {
        original.apply(this, values);
        if (active) route();
      };
    }
    on('popstate hashchange', route, window);
    on('pointerdown', press);
    on('click', onClick);
    on('submit', ({ target }) =>
      capture('form_submit', {
        form_id: nameOf(target),
        fields: [...new Set([...target.elements].map((each) => each.name))].filter(Boolean),
      })
    );
    on('invalid', ({ target }) => invalid(target));
    new MutationObserver(
      (records) =>
        active &&
        records.forEach(({ target }) => target.ariaInvalid === 'true' && invalid(target))
    ).observe(doc, { subtree: true, attributeFilter: ['aria-invalid'] });
    on('error', (event) => event.message && onError(event.error, event.message), window);
    on('unhandledrejection', ({ reason }) => onError(reason, reason), window);
    on('scroll invalid toggle play pause fullscreenchange copy', answer);
    on('selectionchange', () => pressed?.isControl || answer());
    // not of a field that a click elsewhere leaves
    on('blur beforeprint input change', ({ target }) => (target === window || pressed?.element.contains(target)) && answer(), window);
    if (window.navigation) on('navigate', answer, navigation);
    on('pointermove pointerdown keydown wheel', () => (lastInput = now()));
    on('visibilitychange', () => {
      tick();
      settle();
      if (visible > reported) report();
      flush();
    });
    on('pagehide', () => beacon(leave()), window);
    on('pageshow', (event) => event.persisted && enter((sending = 0)), window);
    on('online', () => flush((notBefore = failures = 0)), window);
    setInterval(() => active && tick(check()), 250);
    setInterval(flush, 5000);
  };

  window.usertrack = window.tippen = {
    track: (name, data) => name && capture('' + name, data),
    identify,
    flush,
    optIn: () => {
      write(LOCAL, '_consent', 'granted');
      start();
    },
    optOut: () => {
      active = false;
      write(LOCAL, '');
      for (const name of ['_queue', '_tab', '_claims']) write(TAB, name);
      write(LOCAL, '_consent', 'denied');
    },
    reset: () => {
      who = [];
      if (active) renew();
    },
  };
  if ((read(LOCAL, '_consent') || option('consent')) === 'granted') start();
})();
