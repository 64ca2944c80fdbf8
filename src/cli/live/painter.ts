import { createLogUpdate } from "log-update";
import type { Clock, Timer } from "../../core/clock.js";
import type { Screen } from "../world.js";

/** A terminal is slower than a run: at most ten pictures a second, however much happens. */
const FRAME_MS = 100;
/** Times go on where nothing happens. */
const TICK_MS = 1_000;

/** Paints a picture over the one before. What it is of may change at any speed: it is asked for when it is painted. */
export class Painter {
	readonly #screen: Screen;
	readonly #clock: Clock;
	readonly #picture: () => readonly string[];
	readonly #update: ReturnType<typeof createLogUpdate>;
	#paintedAt = Number.NEGATIVE_INFINITY;
	#timer: Timer | undefined;
	#held = false;
	#over = false;

	constructor(screen: Screen, clock: Clock, picture: () => readonly string[]) {
		this.#screen = screen;
		this.#clock = clock;
		this.#picture = picture;
		// The cursor stays: a process that is killed would leave the terminal without one.
		this.#update = createLogUpdate(screen as unknown as NodeJS.WritableStream, { showCursor: true });
	}

	/** Something has changed: it is painted soon. */
	touch(): void {
		if (this.#held || this.#over) return;
		const due = this.#paintedAt + FRAME_MS;
		if (this.#timer !== undefined && this.#timer.due <= due) return;
		const now = this.#clock.now();
		if (now >= due) this.#paint(now);
		else this.#paintAt(due);
	}

	/** A line that stays above the picture. */
	say(line: string): void {
		this.#update.clear();
		this.#screen.write(`${line}\n`);
		this.#paintedAt = Number.NEGATIVE_INFINITY;
		this.touch();
	}

	/** No picture while somebody types. */
	async hold<Value>(meanwhile: () => Promise<Value>): Promise<Value> {
		this.#stop();
		this.#held = true;
		this.#update.clear();
		try {
			return await meanwhile();
		} finally {
			this.#held = false;
			this.touch();
		}
	}

	/** Takes the picture away. */
	end(): void {
		if (this.#over) return;
		this.#over = true;
		this.#stop();
		this.#update.clear();
		this.#update.done();
	}

	#paint(now: number): void {
		this.#paintedAt = now;
		this.#update(this.#picture().join("\n"));
		this.#paintAt(now + TICK_MS);
	}

	#paintAt(due: number): void {
		this.#stop();
		this.#timer = this.#clock.set(due, () => {
			this.#timer = undefined;
			if (!this.#held && !this.#over) this.#paint(this.#clock.now());
		});
	}

	#stop(): void {
		if (this.#timer !== undefined) this.#clock.clear(this.#timer);
		this.#timer = undefined;
	}
}
