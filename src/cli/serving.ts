import { dirname, relative } from "node:path";
import { SwarmError } from "../core/errors.js";
import type { Swarm } from "../swarm.js";
import type { HttpOptions } from "../triggers/http-options.js";
import { type Occurrence, OPEN_STATES } from "../triggers/occurrence.js";
import { createService, type Service } from "../triggers/service.js";
import { EXIT } from "./exit-code.js";
import type { OpenStore } from "./open-store.js";
import { type LoadedProject, PROJECT_KEY, swarmOf } from "./project.js";
import { jsonLine } from "./report/json.js";
import { painter } from "./report/paint.js";
import { type Happening, happeningJson, happeningText, isLoud, OccurrenceTally } from "./report/service-line.js";
import { commandLine } from "./stay.js";
import { WaitingWatch } from "./waiting-watch.js";
import type { Shared, World } from "./world.js";

/** How a service is run. */
export interface ServeOptions {
	/** Milliseconds; by default that of the service. */
	readonly lease: number | undefined;
	/** How long what runs may take to end when it is stopped; milliseconds. */
	readonly grace: number;
	readonly recover: "all" | "own";
	readonly http: HttpOptions | undefined;
	/** Only what is odd is told. */
	readonly quiet: boolean;
}

/**
 * Runs the service of a project until it is told to stop, and tells what happens.
 *
 * @returns the exit code
 * @throws SwarmError what `createService` and `service.start` throw
 */
export async function serve(
	project: LoadedProject,
	open: OpenStore,
	options: ServeOptions,
	shared: Shared,
	world: World,
): Promise<number> {
	const swarm = swarmOf(project, open.journal);
	return new Serving(project, swarm, open, options, shared, world).run();
}

class Serving {
	readonly #project: LoadedProject;
	readonly #options: ServeOptions;
	readonly #shared: Shared;
	readonly #world: World;
	readonly #open: OpenStore;
	readonly #service: Service;
	readonly #tally = new OccurrenceTally();
	/** Before it is, nothing else is said of who leads. */
	#isReady = false;

	constructor(
		project: LoadedProject,
		swarm: Swarm,
		open: OpenStore,
		options: ServeOptions,
		shared: Shared,
		world: World,
	) {
		this.#project = project;
		this.#options = options;
		this.#shared = shared;
		this.#world = world;
		this.#open = open;
		const watch = new WaitingWatch(swarm, world.clock, (waiting) => this.#tell({ type: "waiting", waiting }));
		const { lease, recover, http } = options;
		this.#service = createService({
			store: open.store,
			swarm,
			triggers: project.triggers,
			secrets: project.secrets,
			recover,
			cwd: dirname(project.file),
			metadata: { [PROJECT_KEY]: project.file },
			clock: world.wall,
			ids: world.ids,
			...(lease !== undefined && { lease }),
			...(http !== undefined && { http }),
			onWarning: (message) => this.#tell({ type: "warning", message }),
			onError: (error) => this.#tellError(error),
			observer: {
				occurrence: (row) => this.#note(row),
				run: (run) => {
					if (!this.#tally.hasBegun(run.id)) this.#tell({ type: "recovered", run: run.id });
					watch.follow(run);
				},
				leading: (leading) => {
					if (this.#isReady) this.#tell({ type: "leading", leading });
				},
			},
		});
	}

	async run(): Promise<number> {
		const { signal, abort } = this.#world;
		const told = aborted(signal);
		const toldAgain = aborted(abort);
		try {
			await Promise.race([this.#start(), told]);
		} catch (error) {
			await this.#service.stop({ grace: 0 });
			throw error;
		}
		await told;
		this.#tell({ type: "stopping", graceMs: this.#options.grace });
		const grace = this.#options.grace;
		const isClean = await Promise.race([this.#service.stop({ grace }).then(() => true), toldAgain.then(() => false)]);
		if (!isClean) await this.#service.abort();
		const exitCode = isClean ? EXIT.completed : EXIT.interrupted;
		this.#tell({ type: "stopped", exitCode, ...this.#tally.sum(await this.#openRows()) });
		return exitCode;
	}

	async #start(): Promise<void> {
		const shown = (path: string): string => (this.#shared.json ? path : relative(this.#world.cwd, path));
		this.#tell({ type: "serving", project: shown(this.#project.file), store: shown(this.#shared.store) });
		await this.#service.start();
		const triggers = (await this.#service.triggers()).length;
		const { address, isLeading: leading } = this.#service;
		const { leader } = this.#service.health();
		this.#isReady = true;
		this.#tell({
			type: "ready",
			leading,
			triggers,
			...(!leading && leader !== undefined && { leader: { pid: leader.pid, host: leader.host } }),
			...(address !== undefined && { address }),
		});
	}

	#note(row: Occurrence): void {
		this.#tally.note(row);
		this.#tell({ type: "occurrence", occurrence: row });
	}

	#tellError(error: unknown): void {
		const message = error instanceof Error ? error.message : String(error);
		this.#tell({ type: "error", ...(SwarmError.is(error) && { code: error.code }), message });
	}

	#tell(happening: Happening): void {
		if (this.#options.quiet && !isLoud(happening)) return;
		const world = this.#world;
		const at = world.wall.now();
		if (this.#shared.json) return world.out(jsonLine(happeningJson(happening, at)));
		const say = isLoud(happening) ? world.error : world.out;
		const line = commandLine(this.#shared, world);
		const text = happeningText(happening, { at, paint: painter(world), line });
		if (text !== undefined) say(text);
	}

	async #openRows(): Promise<number> {
		const counts = await this.#open.store.counts();
		return OPEN_STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
	}
}

function aborted(signal: AbortSignal): Promise<void> {
	if (signal.aborted) return Promise.resolve();
	return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
