/*
 * usertrack.js: what people do on a page, as events in the format of PostHog's capture. No dependency, no cookie.
 *
 * Nothing is stored or sent without consent, nor with Do-Not-Track or Global Privacy Control. No value of a form, no
 * query string and no id in a path leaves the page. An event has an id, and stays in sessionStorage until a server has
 * acknowledged it: what is sent twice is stored once.
 *
 * usertrack.min.js is built from this file, clicks.js and readable.js by scripts/tracker.py.
 */
import { doc, now, selector, watchClicks } from './clicks.js';
import { masked, template } from './readable.js';

(() => {
  const BATCH = 50; // events a request
  const LONGEST = 20000; // characters, of three bytes at most; browsers send 64 KiB from a page that is closed
  const LARGEST = 16384; // characters of an event: it fits into what a closed page sends, with room for others
  const QUEUE = 1000; // events that wait for a server; then the oldest go
  const HEARTBEAT = 15000; // of visible time
  const IDLE = 60000;
  const SESSION_IDLE = 1800000;
  const SESSION_LONGEST = 86400000;
  const ERRORS = 10; // a page

  const script = doc.currentScript || doc.querySelector('[data-usertrack-api-key],[data-tippen-api-key]');
  const stub = window.usertrack; // of the page, which keeps calls until this script is here
  if (!script || (stub && !stub.q)) return;
  const option = (name) =>
    script.getAttribute('data-usertrack-' + name) || script.getAttribute('data-tippen-' + name) || undefined;
  const apiKey = option('api-key');
  const endpoint = (option('host') || new URL(script.src).origin) + '/batch/';

  let active = false;
  const on = (types, handler, target = doc) =>
    types.split(' ').forEach((type) => target.addEventListener(type, (event) => active && handler(event), true));

  // What is stored: for all tabs who it is and the session, for this tab its id and the queue

  const LOCAL = 'localStorage';
  const VISITOR = '_visitor';
  const TAB = 'sessionStorage';
  let frame = ''; // frames of a site share the sessionStorage of their tab
  for (let inner = window, outer; (outer = inner.parent) !== inner; inner = outer) frame += [].indexOf.call(outer, inner);

  const key = (storage, name) => 'usertrack' + name + (storage === TAB ? frame : '');
  const write = (storage, name, value) => {
    try {
      if (value) window[storage].setItem(key(storage, name), JSON.stringify(value));
      else window[storage].removeItem(key(storage, name));
    } catch (_) {} // full or forbidden: memory holds it
  };
  const read = (storage, name) => {
    try {
      return JSON.parse(window[storage].getItem(key(storage, name)));
    } catch (_) {}
  };
  /** A UUID of version 7: the time, and decimal digits, which are hexadecimal too. */
  const uuid = () =>
    (now().toString(16).padStart(12, 0) + 7 + crypto.getRandomValues(new BigUint64Array(3)).join('')).replace(
      /(.{8})(.{4})(.{4})(.{3})(.{12}).*/,
      '$1-$2-$3-a$4-$5'
    );

  let self; // {id, device, signature, session, began, seen}
  let slot = ''; // where that is stored: whoever is on a page without a person is nobody who was proven before
  let tab;
  let queue = [];

  const renew = () => {
    const device = uuid();
    return (self = { id: device, device });
  };

  const session = () => {
    const time = now();
    const stored = read(LOCAL, slot); // another tab may have been active
    if (stored?.id === self.id) self = stored;
    if (!(time - self.seen < SESSION_IDLE && time - self.began < SESSION_LONGEST)) {
      self.session = uuid();
      self.began = time;
    }
    self.seen = time;
    write(LOCAL, slot, self);
    return self.session;
  };

  // Where

  const path = () => (location.pathname + (/^#!?\/[^?]*/.exec(location.hash) || '')).replace(/\/?#!?/, '');

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
      const text = JSON.stringify(item);
      if (text.length > LARGEST) throw event + ' has over 16 KB';
      queue = [...queue, text];
    } catch (error) {
      console.warn('usertrack', error);
    }
    // who somebody is says no later event
    if (queue[QUEUE]) queue.splice(queue.findIndex((text) => !text.startsWith('{"event":"$identify"')), 1);
    write(TAB, '_queue', queue);
    if (queue.length >= BATCH) flush();
  };

  let sending = 0;
  let failures = 0;
  let notBefore = 0;
  let most = BATCH; // events that a request may have; fewer after one that was too large

  const nextBatch = (from) => {
    let size = 0;
    return queue.slice(from, from + most).filter((text, i) => (size += text.length) < LONGEST || !i);
  };
  /** Whether a batch that was too large has a half, which is tried next. */
  const split = (batch) => batch[1] && (most = batch.length >> 1);
  const body = (batch) => `{"api_key":"${apiKey}","sent_at":${JSON.stringify(new Date())},"batch":[${batch}]}`;

  const flush = async () => {
    if (!active || sending || !queue.length || now() < notBefore) return;
    const batch = nextBatch(0);
    const text = body(batch);
    sending = batch.length;
    const answer = await fetch(endpoint, {
      method: 'POST',
      body: text, // plain: for that, browsers do not ask the server first
      keepalive: text.length < LONGEST,
      credentials: 'omit',
      signal: AbortSignal.timeout(15000),
    }).catch(() => {}); // offline, or no server
    sending = 0;
    if (!active) return; // consent was taken back meanwhile, so nothing is stored
    const wait = answer?.headers.get('Retry-After') * 1000 || 0;
    const status = answer?.status;
    if (status === 413 && split(batch)) flush();
    else if (/^(2|400|413)/.test(status)) {
      failures = 0;
      queue = queue.filter((text) => !batch.includes(text));
      write(TAB, '_queue', queue);
      if (status < 300) most = BATCH;
      else write(TAB, '_claims'); // so that who it is is said again
      if (queue.length >= BATCH) flush();
    } else notBefore = now() + Math.max(wait, 1000 * 2 ** Math.min(failures++, 6) * (0.5 + Math.random()));
  };

  // The page may be gone at any moment. Nobody acknowledges a beacon, so its events stay in the queue of this tab, and
  // its next page sends them once more.
  const beacon = () => {
    let from = sending;
    while (from < queue.length) {
      const batch = nextBatch(from);
      if (navigator.sendBeacon(endpoint, body(batch)) || !split(batch)) from += batch.length;
    }
  };

  // Pages, and the time in which people really look at them

  let since, visible, reported;
  let lastInput = now();
  let lastTick = lastInput;

  const enter = () => {
    page = path();
    since = now();
    visible = reported = 0;
    const $referrer = masked(doc.referrer) || '$direct'; // PostHog's word
    const view = { title: masked(doc.title), $referrer, $referring_domain: $referrer.split('/')[2] || $referrer };
    for (const name of ['source', 'medium', 'campaign', 'term', 'content'])
      view['utm_' + name] = masked(new URLSearchParams(location.search).get('utm_' + name) || '') || undefined;
    capture('$pageview', view);
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
    clicks?.settle();
    report('$pageleave', { $prev_pageview_duration: (now() - since) / 1000 });
  };
  const route = () => {
    if (path() === page) return;
    leave();
    enter();
  };

  // Errors, forms: kinds and names, never a value

  let errors = 0;

  const onError = (error, message) => {
    const type = error?.name || 'Error';
    const value = masked('' + (error?.message || message));
    const clicked = clicks.failed();
    if (clicked) capture('error_click', { ...clicked, message: value });
    if (errors++ < ERRORS) capture('$exception', { $exception_list: [{ type, value, mechanism: { handled: false } }] });
  };

  const nameOf = (element) => masked(element.getAttribute('name') || element.getAttribute('id') || selector(element));
  const invalid = (element) => {
    let reason;
    for (const kind in element.validity) if (element.validity[kind] && kind !== 'valid') reason = kind;
    clicks.answer();
    capture('field_error', { form_id: nameOf(element.form || element), field: nameOf(element), reason });
  };

  const watched = new WeakSet();
  /** Also of an open shadow root, whose forms tell nothing to the document. */
  const watchForms = (root) => {
    if (watched.has(root)) return;
    watched.add(root);
    on(
      'submit',
      ({ target }) =>
        capture('form_submit', {
          form_id: nameOf(target),
          fields: [...new Set([...target.elements].map((field) => masked(field.name)))].filter(Boolean),
        }),
      root
    );
    on('invalid', ({ target }) => invalid(target), root);
    new MutationObserver((records) =>
      records.forEach(({ target }) => target.ariaInvalid === 'true' && invalid(target))
    ).observe(root, { subtree: true, attributeFilter: ['aria-invalid'] });
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
    write(LOCAL, VISITOR); // they are this person now, and the next visitor is another one
    slot = '';
    self.id = id;
    self.signature = signature?.split('.')[0];
    write(LOCAL, '', self);
    capture('$identify', {
      $anon_distinct_id: self.device, // for ever: a tab may be closed before this is sent
      $identity_signature: signature,
      $set: { claimed_email: email, claimed_subscription_tier: tier },
    });
  };

  // Consent, and the beginning

  let clicks;

  const start = () => {
    if (active || !apiKey || navigator.globalPrivacyControl || navigator.doNotTrack > 0) return;
    active = true;
    if (!who[0] && read(LOCAL, '')?.signature) slot = VISITOR;
    self = read(LOCAL, slot) || renew();
    queue = read(TAB, '_queue') || [];
    tab = read(TAB, '_tab') || uuid();
    page = path();
    identify(...who);
    enter();
    if (!clicks) listen();
  };
  const stop = () => {
    active = false;
    write(LOCAL, '');
    write(LOCAL, VISITOR);
    for (const name of ['_queue', '_tab', '_claims']) write(TAB, name);
  };

  const listen = () => {
    clicks = watchClicks(on, capture);
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function (...values) {
        original.apply(this, values);
        if (active) route();
      };
    }
    on('popstate hashchange', route, window);
    // another tab knows who it is now, or has taken consent back
    on('storage', () => (read(LOCAL, '') ? (self = read(LOCAL, slot) || renew()) : stop()), window);
    watchForms(doc);
    on('focusin pointerdown', (event) => event.composedPath().forEach((node) => node.host && watchForms(node)));
    on('error', (event) => event.message && onError(event.error, event.message), window);
    on('unhandledrejection', ({ reason }) => onError(reason, reason), window);
    on('pointermove pointerdown keydown wheel', () => (lastInput = now()));
    on('visibilitychange', () => {
      tick();
      clicks.settle();
      if (visible > reported) report();
      flush();
    });
    on('pagehide', () => beacon(leave(), write(TAB, '_tab', tab)), window);
    on('pageshow', (event) => event.persisted && enter((sending = 0)), window);
    on('online', () => flush((notBefore = failures = 0)), window);
    setInterval(() => {
      if (!active) return;
      clicks.check();
      tick();
      // a tab's id is stored only between two pages, so that no window opened or duplicated from here has it; again and
      // again, since a page that comes out of the browser's memory may be there before the other has said goodbye
      write(TAB, '_tab');
    }, 250);
    setInterval(flush, 5000);
  };

  const api = (window.usertrack = window.tippen = {
    track: (name, data) => name && capture('' + name, data),
    identify,
    flush,
    optIn: () => {
      write(LOCAL, '_consent', 'granted');
      start();
    },
    optOut: () => {
      write(LOCAL, '_consent', 'denied');
      stop();
    },
    reset: () => {
      who = [];
      write(TAB, '_claims');
      // Also on a page that has not started. An empty place would stop the other tabs, as optOut does.
      if (active || read(LOCAL, '')) write(LOCAL, slot, renew());
    },
  });
  const replay = (isEvent) =>
    stub?.q.forEach(([name, values]) => (name === 'track') === isEvent && api[name]?.(...values));
  replay(false); // who it is, before the first page
  // pages with the older tag are those of people who are logged in and have agreed
  if ((read(LOCAL, '_consent') || option('consent') || (script.dataset.tippenApiKey && 'granted')) === 'granted') start();
  replay(true);
})();
