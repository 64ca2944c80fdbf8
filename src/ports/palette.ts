import type { AttemptInfo, RunInfo } from "./port.js";

/** Says what an agent may call as tools. Without one it may call any agent of its swarm. */
export interface PalettePort {
	/** The names of the agents and skills that this caller may call, in the order in which they are shown. */
	tools(caller: PaletteCaller): readonly string[];
}

/** Who wants to call. */
export interface PaletteCaller extends AttemptInfo {
	readonly run: RunInfo;
	/** What there is: the swarm's agents and skills. */
	readonly known: readonly string[];
}
