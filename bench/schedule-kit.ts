import { importBuilt } from "./built.ts";

export type { ReplayPolicy, ScheduleQuality, Workflow } from "../src/bench/index.js";

/** The built harness, with the types of its source. */
type Kit = typeof import("../src/bench/index.js");

export const { compareSchedules, ganttSvg, readWorkflow, replayPolicies } = await importBuilt<Kit>("bench/index.js");
