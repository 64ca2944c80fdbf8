/** The microseconds of one case of a peer. */
export const allowed = 20_000_000;

/** A sample need not be longer to stand out from the noise of the clock. */
const enough = 200_000;

/** How one case of a peer spends the time that it has. */
export class Patience {
	#spent = 0;

	/** Microseconds that are left. */
	get left(): number {
		return Math.max(0, allowed - this.#spent);
	}

	/** Samples that do not count may take a quarter of the time. */
	get warmsUp(): boolean {
		return this.#spent < allowed / 4;
	}

	spend(wall: number): void {
		this.#spent += wall;
	}

	/** How many runs, each as long as this one, make a sample when so many samples have to fit into half of the time. */
	timesFor(wall: number, samples: number): number {
		return Math.max(1, Math.min(Math.ceil(enough / wall), Math.floor(allowed / 2 / (wall * samples))));
	}
}
