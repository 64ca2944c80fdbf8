export {
	type CompareOptions,
	compareSchedules,
	lowerBounds,
	type MakespanBounds,
	type ScheduleQuality,
} from "./compare-schedules.js";
export { type GanttOptions, ganttSvg } from "./gantt.js";
export { readWorkflow } from "./read-workflow.js";
export { type ReplayOptions, type ReplayPolicy, replayPolicies, replayWorkflow } from "./replay.js";
export { checkSchedule, type Schedule, type ScheduledTask } from "./schedule.js";
export type { ReadWorkflowOptions, WorkflowSource } from "./source.js";
export { type ReadStgOptions, readStg } from "./stg-reader.js";
export { readWfFormat } from "./wfformat-reader.js";
export {
	toWfFormat,
	type WfFormat,
	type WfFormatExecutedTask,
	type WfFormatMachine,
	type WfFormatOptions,
	type WfFormatTask,
} from "./wfformat-writer.js";
export type { Workflow, WorkflowTask } from "./workflow.js";
