// Calls of the generated module that tsc accepts.
import posthog from "posthog-js";
import { createTrack, Events, type EventName, type ReportExportedProperties, type TeamGroup } from "./tracking";

const track = createTrack(posthog);
const rest: ReportExportedProperties = {
  team_slug: "acme",
  format: "pdf",
  rows: 3,
  share: 0.5,
  filtered: true,
  ready_at: new Date(0),
  tags: ["weekly"],
  options: { wide: true },
};
track(Events.REPORT_EXPORTED, rest);
track("report_exported", { team_slug: "acme", format: "csv", ready_at: "2026-11-20T09:00:00Z" });
track("Plan Chosen", { "Plan Name": "pro", class: 1 });
track(Events.DASHBOARD_VIEWED);
track(Events.DASHBOARD_VIEWED, { $groups: { team: "acme" }, $set: { role: "admin" } });
track("dashboard.viewed", { tab: null, $screen_name: "Home" });
track("signed_up", { method: "github" });
const uuid: string | undefined = track("dashboard.viewed", {}, { send_instantly: true })?.uuid;
const team: TeamGroup = { seats: 12 };
const name: EventName = Events.PLAN_CHOSEN;
const own = createTrack({ capture: (event: string) => event.length });
const length: number = own("dashboard.viewed");
export { length, name, team, uuid };
