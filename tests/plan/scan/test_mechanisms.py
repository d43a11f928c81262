"""What is found, by mechanism: each source marks its own events. None is taken from a real product."""

from pathlib import Path

import pytest

from .marked import lines_of_sites, scan_marked

CALLS_OF_SDKS = {
    "posthog in the browser": """
=== a.ts
import posthog from "posthog-js";
posthog.capture("signed_up", { plan: "pro", seats }); //> signed_up(plan, seats)
posthog?.capture('left'); //> left
window.posthog.capture(`opened`); //> opened
""",
    "posthog in node": """
=== server.ts
import { PostHog } from "posthog-node";
const client = new PostHog("key");
export async function pay(user) {
  client.capture({
    distinctId: user.id,
    event: "paid", //> paid(amount)
    properties: { amount: 3 },
  });
}
""",
    "a hook that gives a client": """
=== a.tsx
import { usePostHog } from "posthog-js/react";
export function Button() {
  const hog = usePostHog();
  return <button onClick={() => hog?.capture("pressed")} />; //> pressed
}
""",
    "a method taken out of a client": """
=== a.tsx
import { usePostHog } from "posthog-js/react";
export const Box = () => {
  const { capture } = usePostHog();
  useEffect(() => { capture("boxed") }, []); //> boxed
};
""",
    "posthog in python, old and new": """
=== a.py
import posthog
from posthog import Posthog

posthog.capture(user.id, "old_style", {"plan": plan})  #> old_style(plan)
posthog.capture("new_style", distinct_id=user.id, properties={"plan": plan})  #> new_style(plan)
posthog.capture(distinct_id=user.id, event="by_keyword")  #> by_keyword
client = Posthog("key")
client.capture(user.id, event="mixed")  #> mixed
""",
    "usertrack_track, by itself and by the code that codegen writes": """
=== shop/tracking.py
from enum import StrEnum
import usertrack_track
class Event(StrEnum):
    ORDER_PAID = "order_paid"
class OrderPaidProperties(TypedDict):
    amount: Required[int]
def track(distinct_id, event, properties=None, **options):
    return usertrack_track.track(distinct_id, str(event), properties, **options)
=== shop/views.py
import usertrack_track as track
from usertrack import track as former
from usertrack_track import aio
from usertrack_track.aio import track as send
from shop import tracking
from shop.tracking import Event, OrderPaidProperties
track.track(user.id, "cart_opened", {"items": 3}, session_id=session)  #> cart_opened(items)
former.track(user.id, "cart_shared")  #> cart_shared
async def empty(user):
    await send(user.id, "cart_emptied", connection=connection)  #> cart_emptied
    await aio.track(user.id, "cart_left", {"items": 1})  #> cart_left(items)
tracking.track(user.id, Event.ORDER_PAID, OrderPaidProperties(amount=3))  #> order_paid
tracking.track(user.id, "order_refunded", {"amount": 3})  #> order_refunded(amount)
""",
    "segment": """
=== a.ts
import { Analytics } from "@segment/analytics-node";
const analytics = new Analytics({ writeKey: "k" });
analytics.track({ userId: "1", event: "Order Completed", properties: { total: 1 } }); //> Order Completed(total)
=== b.py
import segment.analytics as analytics
analytics.track("user", "Order Placed", {"total": 1})  #> Order Placed(total)
""",
    "jitsu, with an event and its keys in one object": """
=== a.ts
import { jitsuAnalytics, emptyAnalytics } from "@jitsu/js";
const client = process.env.HOST ? jitsuAnalytics({ host: "h" }) : emptyAnalytics;
client.track({ event: "Visited", page: "/" }); //> Visited(page)
""",
    "rudderstack, mixpanel and amplitude": """
=== a.js
const mixpanel = require("mixpanel-browser");
import * as amplitude from "@amplitude/analytics-browser";
import * as rudder from "rudder-sdk-js";
mixpanel.track("Played", { song }); //> Played(song)
amplitude.track("Paused", { at: 1 }); //> Paused(at)
amplitude.getInstance().logEvent("Stopped"); //> Stopped
rudder.track("Skipped"); //> Skipped
=== b.py
from mixpanel import Mixpanel
Mixpanel("token").track(user_id, "Heard", {"song": 1})  #> Heard(song)
""",
    "a client that came from somewhere": """
=== a.ts
export const handle = (ctx) => ctx.posthog.capture("handled"); //> handled
=== b.py
def go(request):
    request.app.posthog_client.capture(request.user, "went")  #> went
""",
    "a client that is kept in an attribute": """
=== a.py
from posthog import Posthog

class Telemetry:
    def __init__(self):
        self.ph = Posthog("k")

    def start(self):
        self.ph.capture("me", "started")  #> started
""",
    "plain HTTP": """
=== a.py
import requests

def send(name, properties):
    body = {"api_key": KEY, "event": name, "distinct_id": "me", "properties": properties}
    requests.post("https://example.org/capture/", json=body)

send("ran", {"version": 1})  #> ran(version)
=== b.ts
export const beat = async (event: string) => {
  await fetch(`${host}/i/v0/e/`, {
    method: "POST",
    body: JSON.stringify({ api_key: key, event, properties: { distinct_id: id, os } }),
  });
};
beat("beaten"); //> beaten(distinct_id, os)
=== c.ts
const queue = [];
export function enqueue(name: string, more = {}) {
  queue.push({ event: name, distinct_id: id(), properties: { source: "cli", ...more } });
}
const flush = () => fetch(host, { body: JSON.stringify({ api_key: key, batch: queue.splice(0) }) });
enqueue("queued", { a: 1 }); //> queued(source, a)
""",
}

WRAPPERS = {
    "a function that hands its parameter on": """
=== lib/track.ts
import posthog from "posthog-js";
export function track(event: string, properties?: Record<string, unknown>) {
  posthog.capture(event, properties);
}
=== page.ts
import { track } from "./lib/track";
track("opened", { from: "menu" }); //> opened(from)
""",
    "of a function that does": """
=== a.py
import posthog

def first(name, **extra):
    posthog.capture("me", name, extra)

def second(name):
    first(name, depth=2)

second("deep")  #> deep(depth)
first("shallow", height=1, width=2)  #> shallow(height, width)
""",
    "the name is the second argument, and the keys are the third": """
=== a.ts
import { client } from "./client";
export const captureFor = (who: string, what: string, more = {}) =>
  client.capture({ distinctId: who, event: what, properties: { ...more, source: "server" } });
captureFor("me", "created", { kind: "x" }); //> created(kind, source)
=== client.ts
import { PostHog } from "posthog-node";
export const client = new PostHog("k");
""",
    "a prefix, a suffix, and both": """
=== a.py
import posthog

def shop(name): posthog.capture("me", "shop-" + name)
def done(name): posthog.capture("me", f"{name}_done")
def both(name): posthog.capture("me", "a.%s.z" % name)

shop("opened")  #> shop-opened
done("import")  #> import_done
both("b")  #> a.b.z
""",
    "the name is a key of an object": """
=== a.ts
import posthog from "posthog-js";
type Arguments = { name: string; data?: object };
export const send = ({ name, data }: Arguments) => posthog.capture(name, data);
export const whole = (args: any) => posthog.capture(args.name, args.data);
send({ name: "sent", data: { size: 1 } }); //> sent(size)
whole({
  name: "wholly", //> wholly
});
""",
    "an object that is handed on whole": """
=== a.ts
import { jitsuAnalytics } from "@jitsu/js";
const client = jitsuAnalytics({});
export const send = (args: Events) => client.track(args);
send({ event: "Joined", email, team }); //> Joined(email, team)
""",
    "rest parameters": """
=== a.ts
import posthog from "posthog-js";
export const track: typeof posthog.capture = (...args) => posthog.capture(...args);
track("rested", { a: 1 }); //> rested(a)
=== b.py
def report(*args, **kwargs):
    from app.analytics import capture as _capture
    return _capture(*args, **kwargs)

report("late", data={"a": 1})  #> late(a)
report(event="later")  #> later
=== app/analytics.py
import posthog

def capture(event, data=None):
    posthog.capture(distinct_id="me", event=event, properties=data)
""",
    "a hook that returns an object": """
=== hooks/use-analytics.ts
import posthog from "posthog-js";
export function useAnalytics() {
  const capture = (event: string, properties?: object) => {
    if (!enabled) return;
    posthog.capture(event, properties);
  };
  return { capture, identify: () => {} };
}
=== tsconfig.json
{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }  // comments are allowed
=== a.tsx
import { useAnalytics } from "@/hooks/use-analytics";
export default function Page() {
  const analytics = useAnalytics();
  const { capture: send } = useAnalytics();
  const onClick = () => {
    analytics.capture("Clicked", { where: "page" }); //> Clicked(where)
    send("Sent"); //> Sent
  };
}
""",
    "a hook that returns the function": """
=== a.tsx
import { usePostHog } from "posthog-js/react";
export const useTrack = () => {
  const hog = usePostHog();
  return useCallback((event: string) => hog.capture(event), [hog]);
};
function Page() {
  const report = useTrack();
  report("reported"); //> reported
}
""",
    "a parameter of type any that a caller gives": """
=== lib/create.ts
export async function create({ analytics, name }: { analytics: any; name: string }) {
  analytics.capture("Created", { name }); //> Created(name)
}
=== page.tsx
import { create } from "./lib/create";
import posthog from "posthog-js";
const useTools = () => ({ capture: (event, more) => posthog.capture(event, more) });
export const Page = () => {
  const analytics = useTools();
  create({ analytics, name: "x" });
};
""",
    "a parameter that is typed": """
=== a.ts
import { PostHog } from "posthog-node";
class Tracker {
  constructor(private readonly hog: PostHog) {}
  track(event: string) {
    this.hog.capture({ distinctId: "x", event });
  }
}
export class Service {
  constructor(private readonly tracker: Tracker) {}
  run() { this.tracker.track("run"); } //> run
}
""",
    "methods, and an alias of a method": """
=== app/analytics.py
from posthog import Posthog

class Analytics:
    def __init__(self):
        self.ph = Posthog("k")

    def event(self, event_name, main=None, **kwargs):
        properties = {}
        if main:
            properties["main"] = main
        properties.update(kwargs)
        self.ph.capture(event_name, distinct_id="me", properties=dict(properties))
=== app/coder.py
from app.analytics import Analytics
from app.commands import Commands

class Coder:
    def __init__(self, analytics=None):
        self.analytics = analytics if analytics is not None else Analytics()
        self.event = self.analytics.event
        self.commands = Commands(self)

    def run(self):
        self.event("ran", reason="x")  #> ran(main?, reason)
=== app/commands.py
class Commands:
    def __init__(self, coder):
        self.coder = coder

    def quit(self):
        self.coder.event("quit")  #> quit(main?)
""",
    "a class that another one extends": """
=== a.ts
import posthog from "posthog-js";
abstract class Base {
  abstract track(event: string): void;
  start() { this.track("begun"); } //> begun
}
export class Hog extends Base {
  track(event: string) { posthog.capture(event); }
}
function go(tracker: Base) { tracker.track("gone"); } //> gone
""",
    "a factory with a prefix": """
=== a.ts
import posthog from "posthog-js";
const make = (area: string) => (name: string) => posthog.capture(`${area}:${name}`);
const track = make("billing");
track("paid"); //> billing:paid
""",
    "an object made with a prefix": """
=== a.py
import posthog

class Tracker:
    def __init__(self, area):
        self.area = area

    def track(self, name):
        posthog.capture("me", f"{self.area}.{name}")

tracker = Tracker("shop")
tracker.track("bought")  #> shop.bought
""",
    "a decorator": """
=== a.py
import functools
import posthog

def tracked(event):
    def decorate(function):
        @functools.wraps(function)
        def run(*args):
            posthog.capture("me", event)
            return function(*args)
        return run
    return decorate

@tracked("decorated")  #> decorated
def work(): ...
""",
    "a module that is handed about": """
=== app/__init__.py
=== app/analytics.py
import posthog
def capture(event, data=None):
    posthog.capture("me", event, data)
=== app/lazy.py
def _load():
    try:
        from app import analytics
    except ImportError:
        return None
    return analytics

def go():
    analytics = _load()
    analytics.capture("lazily", data={"a": 1})  #> lazily(a)
""",
    "re-exports and packages of a workspace": """
=== packages/telemetry/package.json
{ "name": "@shop/telemetry" }
=== packages/telemetry/src/index.ts
export * from "./send";
export { send as emit } from "./send";
export { default as main } from "./main";
=== packages/telemetry/src/send.ts
import posthog from "posthog-js";
export const send = (name: string) => posthog.capture(name);
=== packages/telemetry/src/main.ts
import { send } from "./send";
export default function (name: string) { send(name); }
=== apps/web/a.ts
import { send, emit, main } from "@shop/telemetry";
import * as telemetry from "@shop/telemetry";
send("one"); //> one
emit("two"); //> two
main("three"); //> three
telemetry.emit("four"); //> four
""",
    "dynamic imports": """
=== track.js
import posthog from "posthog-js";
export const track = (name) => posthog.capture(name);
=== a.js
const { track } = await import("./track");
track("awaited"); //> awaited
const lib = require("./track");
lib.track("required"); //> required
import("./track").then(({ track }) => track("then taken apart")); //> then taken apart
import("./track").then((module) => module.track("then")); //> then
import("./track").then((module) => module.track).then((track) => track("then then")); //> then then
""",
    "a component that is loaded later": """
=== Link.jsx
import posthog from "posthog-js";
export default function Link({ event }) { return <a onClick={() => posthog.capture(event)} />; }
=== a.jsx
const Link = React.lazy(() => import("./Link"));
export const Page = () => <Link event="lazy" />; //> lazy
""",
    "calls by way of another function": """
=== a.py
import threading
from functools import partial
import posthog

@shared_task
def send(who, event, properties=None):
    posthog.capture(who, event, properties)

send.delay("me", "delayed")  #> delayed
send.apply_async(args=["me", "queued"], kwargs={"properties": {"a": 1}})  #> queued(a)
threading.Thread(target=send, args=("me", "threaded")).start()  #> threaded
tasks.add_task(send, "me", "in the background")  #> in the background
loop.run_in_executor(None, send, "me", "executed")  #> executed
partial(send, "me", "partly")()  #> partly
=== b.js
import posthog from "posthog-js";
const track = (name) => posthog.capture(name);
track.call(null, "called"); //> called
setTimeout(track, 100, "timed"); //> timed
""",
    "module.exports": """
=== track.js
const { PostHog } = require("posthog-node");
const client = new PostHog("k");
function track(id, event) { client.capture({ distinctId: id, event }); }
module.exports = { track };
=== a.js
const { track } = require("./track");
track("me", "required"); //> required
""",
    "attributes of a component": """
=== a.tsx
import posthog from "posthog-js";
export function Link({ event, ...rest }: { event: string }) {
  return <a onClick={() => posthog.capture(event, { href: rest.href })} />;
}
export const Menu = () => (
  <nav>
    <Link
      event="menu_opened" //> menu_opened(href)
    />
    <Link
      event={open ? "shut" : "opened"} //> shut(href) | opened(href)
    />
  </nav>
);
""",
    "a context": """
=== a.tsx
import posthog from "posthog-js";
const Tracking = React.createContext(null);
export const Provider = ({ children }) => {
  const track = (name) => posthog.capture(name);
  return <Tracking.Provider value={{ track }}>{children}</Tracking.Provider>;
};
export const useTracking = () => useContext(Tracking);
function Page() {
  const { track } = useTracking();
  track("seen"); //> seen
}
""",
    "a store, by selectors": """
=== store.ts
import { create } from "zustand";
import posthog from "posthog-js";
export const useStore = create<State>()(persist((set, get) => ({
  count: 0,
  report: (name) => posthog.capture(`st_${name}`),
  actions: { send: (name) => posthog.capture(name) },
}), { name: "store" }));
=== page.tsx
import { useStore } from "./store";
function Page() {
  const report = useStore((state) => state.report);
  report("one"); //> st_one
  const deliver = useStore((state) => state.actions.send);
  deliver("two"); //> two
  const { send } = useStore((state) => state.actions);
  send("three"); //> three
  const [first, count] = useStore((state) => [state.report, state.count], shallow);
  first("four"); //> st_four
  const { report: renamed } = useStore(useShallow((state) => ({ report: state.report })));
  renamed("five"); //> st_five
  useStore.getState().report("six"); //> st_six
}
""",
    "options of a hook": """
=== a.tsx
import { usePostHog } from "posthog-js/react";
type Options = { event: "mode.on" | "mode.off"; onClear: () => void };
export function useMode({ event, onClear }: Options) {
  const hog = usePostHog();
  return { toggle: () => hog?.capture(event, { mode: 1 }) };
}
function Page() {
  const { toggle } = useMode({
    onClear: () => {},
    event: "mode.on", //> mode.on(mode)
  });
}
""",
    "a function that is handed to a component, which hands it a sender": """
=== a.tsx
import posthog from "posthog-js";
export const useCapture = () => useCallback((name: string) => posthog.capture(name), []);
function Remove({ onRemoved }: { onRemoved: (capture: ReturnType<typeof useCapture>) => void }) {
  const capture = useCapture();
  return <button onClick={() => onRemoved(capture)} />;
}
export const Row = () => <Remove onRemoved={(capture) => capture("row_removed")} />; //> row_removed
""",
    "a private method, and this in an attribute": """
=== a.ts
import { PostHog } from "posthog-node";
class Telemetry {
  #hog = new PostHog("k");
  project = {
    created: () => { this.#send({ event: "created", id: 1 }); }, //> created(id)
  };
  #send(sent: { event: string; id: number }) {
    this.#hog.capture({ distinctId: "x", event: sent.event, properties: { id: sent.id } });
  }
}
""",
    "a function that is loaded by its name": """
=== app/versions.py
import importlib
def load(module, attribute, fallback):
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError:
        return fallback
=== app/paid/telemetry.py
import posthog
def paid_telemetry(who, event):
    posthog.capture(who, event)
=== app/telemetry.py
from app.versions import load
def telemetry(event):
    load("app.paid.telemetry", attribute="paid_telemetry", fallback=print)("me", event)

telemetry("loaded")  #> loaded
""",
    "a folder of a package by its file in JavaScript": """
=== packages/names/package.json
{ "name": "@shop/names" }
=== packages/names/src/index.ts
export * from "./events/index.js";
=== packages/names/src/events/index.ts
export * from './event.js';
=== packages/names/src/events/event.ts
export enum ProductEvent { Created = "product created" }
=== a.ts
import { ProductEvent } from "@shop/names";
posthog.capture(ProductEvent.Created); //> product created
""",
    "a generated module that is not here": """
=== a.ts
import posthog from "posthog-js";
export const captureEvent = (name: string) => posthog.capture(name);
captureEvent("here"); //> here
=== b.ts
import { captureEvent } from "@private/analytics";
captureEvent("there"); //> there
""",
}

NAMES = {
    "constants, enums and keys of objects": """
=== names.ts
export const EVENTS = { SIGNED_UP: "signed_up", billing: { PAID: "paid" } } as const;
export enum Event { Left = "left" }
export const NAME = "named";
=== a.ts
import posthog from "posthog-js";
import { EVENTS, Event, NAME } from "./names";
posthog.capture(EVENTS.SIGNED_UP); //> signed_up
posthog.capture(EVENTS.billing.PAID); //> paid
posthog.capture(Event.Left); //> left
posthog.capture(NAME); //> named
=== b.py
from enum import Enum
import posthog

class Names(str, Enum):
    OPENED = "opened"  #> opened

CLOSED = "closed"  #> closed

posthog.capture("me", Names.OPENED)
posthog.capture("me", CLOSED)
""",
    "conditionals": """
=== a.ts
import posthog from "posthog-js";
posthog.capture(
  on
    ? "switched_on" //> switched_on
    : "switched_off", //> switched_off
);
=== b.py
import posthog
posthog.capture("me", "yes" if ok else "no")  #> yes | no
""",
    "a union of literal types, when nothing else tells": """
=== a.ts
import posthog from "posthog-js";
const name: "up" | "down" = compute(); //> up | down
posthog.capture(name);
""",
    "elements of a list that is written down": """
=== a.py
import posthog
for name in ["a_shown", "b_shown"]:  #> a_shown | b_shown
    posthog.capture("me", name)
=== b.ts
import posthog from "posthog-js";
const STEPS = [
  { event: "first" }, //> first
  { event: "second" }, //> second
];
STEPS.forEach((step) => posthog.capture(step.event));
""",
    "patterns": """
=== a.py
import posthog
def run(command):
    posthog.capture("me", f"command_{compute()}")  #> command_*
    posthog.capture("me", "a {} b".format(compute()))  #> a * b
""",
    "a pattern stands where it is written": """
=== a.py
import posthog
def run(text):
    posthog.capture("me", f"command_{text}")  #> command_*

def main():
    run(input())
""",
    "what is computed": """
=== a.ts
import posthog from "posthog-js";
export const f = (request) => {
  posthog.capture(request.headers["x"].toLowerCase()); //! computed
  posthog.capture(nameOf(request)); //! returns
};
""",
    "a function that nobody calls": """
=== a.ts
import posthog from "posthog-js";
export function unused(event: string) {
  posthog.capture(event); //! nothing in the scanned code calls it
}
""",
    "a parameter named like a method of an SDK, which nobody is seen to hand over": """
=== a.ts
export const createThings = () => createStore((set, get) => ({
  remove: async ({ id, capture }) => {
    capture("things_removed"); //! what it is called on is not defined
  },
}));
""",
    "every call of a function that nobody calls": """
=== a.py
import posthog

class View:
    def get(self, request, kind):
        posthog.capture("me", "pct_%s" % kind)  #> pct_*
        posthog.capture("me", kind)  #! nothing in the scanned code calls it
        posthog.capture("me", "fmt_{}".format(kind), {"a": 1})  #> fmt_*(a)
        posthog.capture("me", "con_" + kind)  #> con_*
        posthog.capture("me", "con_" + kind)  #> con_*
=== b.ts
import posthog from "posthog-js";
export function onClick(x: string) {
  posthog.capture(x); //! nothing in the scanned code calls it
  posthog.capture("ts_" + x); //> ts_*
  posthog.capture(`tt_${x}`); //> tt_*
}
""",
}

PROPERTIES = {
    "keys that are there on a condition": """
=== a.ts
import posthog from "posthog-js";
posthog.capture("a", { one: 1, ...(two && { two }), "three four": 3, [five]: 5 }); //> a(one, two?, three four)
""",
    "keys that are put into a variable": """
=== a.py
import posthog
def go(x):
    data = {"one": 1}
    data["two"] = 2
    if x:
        data["three"] = 3
    data.update(four=4)
    data.update({"five": 5})
    posthog.capture("me", "b", data)  #> b(one, two, three?, four, five)
""",
    "keys that a function returns": """
=== a.ts
import posthog from "posthog-js";
const common = (user) => ({ id: user.id, plan: user.plan });
posthog.capture("c", { ...common(user), own: 1 }); //> c(id, plan, own)
""",
    "keys of either object": """
=== a.ts
import posthog from "posthog-js";
posthog.capture("d", wide ? { one: 1, two: 2 } : { one: 1 }); //> d(one, two?)
""",
    "one constant, two calls": """
=== a.ts
import posthog from "posthog-js";
const EVENT = "report_exported"; //> report_exported(rows, format?)
posthog.capture(EVENT, { rows, format });
posthog.capture(EVENT, { rows });
""",
    "one call, two products": """
=== a.ts
import posthog from "posthog-js";
const track = (name, properties) => {
  posthog.capture(name, { ...properties, locale });
  analytics.track(name, properties);
};
const EVENT = "report_exported"; //> report_exported(rows, locale)
track(EVENT, { rows });
""",
    "keys that a wrapper adds": """
=== a.py
import posthog
def meta():
    return {"os": 1}

def send(name, success=True, extra=None):
    data = {**meta(), "success": success}
    if extra:
        data.update(extra)
    posthog.capture("me", name, data)

send("e", extra={"more": 1})  #> e(os, success, more?)
""",
}

TRAPS = {
    "comments, strings and names of tools are no events": """
=== a.ts
import posthog from "posthog-js";
// posthog.capture("commented");
/* posthog.capture("commented too"); */
const help = 'posthog.capture("quoted")';
=== b.py
import posthog
def capture_tool_call(tool, *, ok):
    posthog.capture("me", "tool_called", {"tool": tool})  #> tool_called(tool)

capture_tool_call("browser_click", ok=True)
capture_tool_call("browser_type", ok=False)
""",
    "another capture and another track": """
=== a.py
from app.telemetry import Usage, telemetry
telemetry.capture("usage")
=== app/telemetry.py
class Usage:
    def capture(self, usage):
        self.total = usage

telemetry = Usage()
=== b.ts
class Camera { capture(name: string) { return new Image(name); } }
new Camera().capture("photo");
const audio = { track: (n: string) => n };
audio.track("b-side");
import * as Sentry from "@sentry/node";
Sentry.captureException("oops");
""",
    "tests, stories, mocks and what is installed": """
=== src/a.test.ts
import posthog from "posthog-js";
posthog.capture("tested");
=== src/a.stories.tsx
import posthog from "posthog-js";
posthog.capture("told");
=== tests/test_a.py
import posthog
posthog.capture("me", "tested")
=== node_modules/x/index.js
import posthog from "posthog-js";
posthog.capture("installed");
=== web/package.json
{}
=== web/dist/a.js
import posthog from "posthog-js";
posthog.capture("built");
=== web/a.min.js
posthog.capture("minified");
""",
    "an event that is not sent": """
=== a.py
import json
row = {"event": "logged", "distinct_id": "me"}
print(json.dumps(row))
""",
}

TEMPLATES = {
    "scripts in HTML, Django and Jinja": """
=== page.html
<html><!-- <script>posthog.capture("commented")</script> -->
<script type="application/json">{"event": "data"}</script>
<script>
  {% if user %}
  posthog.capture("page_seen", { plan: "{{ user.plan }}" }); //> page_seen(plan)
  {% endif %}
  posthog.capture("section_{{ name }}"); //> section_*
</script>
<button onclick="posthog.capture('pressed')">x</button> //> pressed
</html>
""",
    "vue": """
=== A.vue
<template>
  <button
    @click="track('clicked')" //> clicked
  />
</template>
<script setup lang="ts">
import posthog from "posthog-js";
const track = (name: string) => posthog.capture(name);
track("mounted"); //> mounted
</script>
""",
    "svelte": """
=== A.svelte
<script>
  import posthog from "posthog-js";
  const send = (name) => posthog.capture(name);
  send("mounted"); //> mounted
</script>
<button on:click={() => send("tapped")} /> //> tapped
""",
}
CASES = {
    name: text
    for group in (CALLS_OF_SDKS, WRAPPERS, NAMES, PROPERTIES, TRAPS, TEMPLATES)
    for name, text in group.items()
}


@pytest.mark.parametrize("name", CASES)
def test_sites(name: str, tmp_path: Path) -> None:
    scan, sites, unresolved = scan_marked(CASES[name], tmp_path)
    assert lines_of_sites(scan) == sites
    reasons = {f"{place.file}:{place.line}": place.reason for place in scan.unresolved}
    assert sorted(reasons) == sorted(place for place, _ in unresolved)
    assert all(words in reasons[place] for place, words in unresolved)
