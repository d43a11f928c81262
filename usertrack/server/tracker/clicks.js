/*
 * What was clicked, and the clicks that nothing answers which a person can see: many in rage, or one that is dead.
 */
import { isSafe, masked } from './readable.js';

const DEAD = 2500; // milliseconds
const OWN_LOOK = 700; // how long a control may look pressed

export const doc = document;
export const now = Date.now;

// What was clicked: a selector that outlives a release, and the label of a button, tab or link; no number or value

const LABELLED = 'button,summary,[role=button],[role=tab],[role=menuitem],a';
const CONTROLS =
  LABELLED + ',input,select,textarea,label,[onclick],[role=link],[role=option],[role=radio],[role=checkbox],[role=switch]';
const UNSTABLE = /\d\d|^(css|sc)-|active|focus|open|select|disabled/i;
const isStable = (name) => name && isSafe(name) && !UNSTABLE.test(name);
// fields answer by themselves, and what a click does in the others, the document does not show
const OPAQUE = ':read-write,select,label,[type=range],[type=color],[type=file],canvas,video,audio,[data-usertrack-ignore]';

export const selector = (element, depth = 0) => {
  const tag = element.localName;
  for (const name of ['data-testid', 'id', 'name']) {
    const value = element.getAttribute(name);
    if (isStable(value)) return name === 'id' ? tag + '#' + value : `${tag}[${name}="${value}"]`;
  }
  const own = [tag, ...[...element.classList].filter(isStable).slice(0, 2)].join('.');
  const parent = element.parentElement;
  return depth < 3 && parent && parent !== doc.body ? selector(parent, depth + 1) + '>' + own : own;
};
const described = (element) => {
  const isLabelled = element.closest(LABELLED) && !element.closest('[data-usertrack-mask]');
  const label = element.closest('[data-usertrack-label]')?.dataset.usertrackLabel;
  const link = element.closest('a');
  return {
    $event_type: 'click',
    $el_text: label || (isLabelled ? masked(element.ariaLabel || element.textContent) : ''),
    $el_declared: !!label || undefined, // so that the server leaves it
    href: isLabelled && link?.host ? masked(link.href) : undefined, // not of mailto: and tel:
    selector: selector(element),
  };
};

/** What a click is meant for: a control, or what the pointer shows to be clickable. */
const control = (target) => target.closest(CONTROLS) || (getComputedStyle(target).cursor === 'pointer' && target);

/**
 * What can be seen beside `element`, which may look pressed: what lies at 154 places near and far, where, and in which
 * colors. Style sheets and animations change that without a mutation. Nobody can read what a canvas shows, or a
 * component with a closed shadow root: it counts as something new. Nothing is seen beside an
 * element that has left the page.
 */
const view = (element) => {
  const root = element.getRootNode();
  const box = element.getBoundingClientRect();
  const seen = new Map();
  // 7 × 11 places twice: on a page of 3 600 elements that takes 3 ms
  for (let i = 0; i < 154; i++) {
    const step = i < 77 ? 16 : 90; // pixels: less than a line of text, and most of a page
    const at = root.elementFromPoint?.(box.x + ((i % 7) - 3) * 2 * step, box.y + ((i % 11) - 5) * step);
    if (!at || element.contains(at) || seen.has(at)) continue;
    const { color, backgroundColor, opacity } = getComputedStyle(at);
    const isUnreadable = isClosed(at) || at.matches('canvas');
    const looks = [JSON.stringify(at.getBoundingClientRect()), color, backgroundColor, opacity, isUnreadable && now()];
    seen.set(at, looks.join());
  }
  return seen;
};
/** Whether two views differ by more than where the pointer is. */
const differ = (one, other) =>
  [...one.keys(), ...other.keys()].some((at) => one.get(at) !== other.get(at) && !at.matches(':hover'));

const isClosed = (element) => customElements.get(element.localName) && !element.shadowRoot;

/** Captures clicks, `$rageclick` and `$dead_click`; `on` adds listeners. Somebody calls `check` again and again. */
export const watchClicks = (on, capture) => {
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
    looks(element)[1] !== before[1] ||
    path.some(({ activeElement }, i) => activeElement && activeElement !== focus[i] && !path.includes(activeElement));
  const moved = ({ element, around }) => !element.isConnected || differ(around, view(element));
  const answer = () => {
    if (observer && !(now() - answers.at(-1) < 20)) answers.push(now());
  };
  /** What moves within a control that is pressed, such as a ripple, is no answer by itself: its look is compared. */
  const isInside = ({ target, type, element = pressed.element }) =>
    element.contains(target) && (target !== element || type === 'childList');
  const press = (target, path) => {
    pending = pending.filter((click) => !moved(click)); // the next click may undo what the latest did
    const isControl = control(target);
    const element = isControl || target;
    pressed = { element, isControl, target, path, from: now(), before: looks(element), around: view(element), focus: path.map((node) => node.activeElement) };
    observer ||= new MutationObserver((records) => records.every(isInside) || answer());
    for (const root of [doc, ...path.filter((node) => node.host)])
      observer.observe(root, { childList: true, subtree: true, characterData: true, attributes: true });
  };

  const judge = () => {
    const clicks = burst;
    burst = [];
    if (clicks.length < 3) return;
    const first = clicks[0];
    const isOther = ({ before, around }, i) =>
      i && (before[0] !== clicks[i - 1].before[0] || differ(around, clicks[i - 1].around));
    const texts = clicks.filter(isOther).length + (changed(first) || moved(first));
    const answered = Math.max(texts, answers.filter((at) => at >= first.from).length);
    if (clicks.length - answered >= 3 || clicks.some((click) => click.failed))
      capture('$rageclick', { ...first.what, click_count: clicks.length }, clicks[2].at);
  };
  const check = () => {
    const time = now();
    pending = pending.filter((click) => {
      const age = time - click.at;
      if (answers.some((at) => at >= click.from)) return;
      if (time - pressed.from <= OWN_LOOK) return true; // how it looks says nothing yet
      if (changed(click) || moved(click)) return;
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
  /** What was clicked just before something failed; once a click. */
  const failed = () => {
    if (pressed?.failed || !(now() - pressed?.at < 1000)) return;
    pressed.failed = true;
    return pressed.what;
  };

  const click = (target, path, event) => {
    if (!observer || pressed.target !== target) press(target, path); // by the keyboard
    const { element, isControl } = pressed;
    const what = described(element);
    if (isControl) capture('$autocapture', what);
    if (event.ctrlKey || event.metaKey || target.closest(OPAQUE) || isClosed(target)) return;
    pressed = { ...pressed, at: now(), x: event.clientX, y: event.clientY, what };
    const last = burst.at(-1);
    // PostHog's: each within 30 px and a second of the one before
    if (last && (Math.abs(pressed.x - last.x) + Math.abs(pressed.y - last.y) >= 30 || pressed.at - last.at >= 1000))
      judge();
    burst = [...burst, pressed];
    if (target.closest('a[target],a[download],[href^=mailto],[href^=tel],[href^=blob]')) answer();
    else if (isControl && !pending.some((other) => other.element === element)) pending = [...pending, pressed];
  };

  /** What a person does, and not a script. */
  const onHuman = (type, handler) =>
    on(type, (event) => {
      const path = event.composedPath();
      if (event.isTrusted && path[0].closest) handler(path[0], path, event);
    });
  onHuman('pointerdown', press);
  onHuman('click', click);
  on('scroll toggle play pause fullscreenchange copy', answer);
  on('selectionchange', () => pressed?.isControl || answer());
  // not of a field that a click elsewhere leaves
  const isOfPressed = (target) => target === window || pressed?.element.contains(target);
  on('blur beforeprint input change', ({ target }) => isOfPressed(target) && answer(), window);
  if (window.navigation) on('navigate', answer, navigation);
  return { answer, check, settle, failed };
};
