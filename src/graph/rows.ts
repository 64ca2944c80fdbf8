const BITS = 12;
/** Rows in a full chunk. Columns grow chunk by chunk: doubling a large one pauses for milliseconds. */
export const CHUNK = 1 << BITS;
const MASK = CHUNK - 1;
/** A small graph starts with a small first chunk, which doubles until it is a full one. */
const FIRST_ROWS = 32;

/**
 * Rows of 32-bit integers, some of them read as doubles, in chunks. A row is contiguous: what
 * happens to one node touches one or two cache lines.
 */
export class RowTable {
	protected readonly ints: Int32Array[] = [];
	protected readonly doubles: Float64Array[] = [];
	/** Rows below this were used before and must be cleared when they are used again. */
	#high = 0;
	/** Rows of the first chunk: a small one doubles until it is full, and each step costs some microseconds. */
	#firstRows = FIRST_ROWS;
	size = 0;

	/**
	 * @param stride - integers a row; even where there are doubles, which take two
	 * @param hasDoubles - whether some of them are read as doubles
	 */
	constructor(
		protected readonly stride: number,
		private readonly hasDoubles = false,
	) {}

	/** Says how many rows are to come, before the first one: they will find their room. */
	reserve(rows: number): void {
		this.#firstRows = Math.min(Math.max(rows, FIRST_ROWS), CHUNK);
	}

	/** Adds a row of zeros and gives its number. */
	protected append(): number {
		const row = this.size++;
		if (row >= this.#high) {
			this.#high = this.size;
			if (row >> BITS === this.ints.length) this.#addChunk();
			else if (row < CHUNK && row * this.stride >= this.chunk(0).length) this.#growFirst();
		} else {
			const start = (row & MASK) * this.stride;
			this.chunk(row).fill(0, start, start + this.stride);
		}
		return row;
	}

	/** Drops the rows from `size` on. */
	truncate(size: number): void {
		this.size = size;
	}

	protected chunk(row: number): Int32Array {
		// Rows are handed out by append, so the chunk is there.
		return this.ints[row >> BITS] as Int32Array;
	}

	protected get(row: number, field: number): number {
		return (this.ints[row >> BITS] as Int32Array)[(row & MASK) * this.stride + field] as number;
	}

	protected set(row: number, field: number, value: number): void {
		(this.ints[row >> BITS] as Int32Array)[(row & MASK) * this.stride + field] = value;
	}

	protected getDouble(row: number, field: number): number {
		return (this.doubles[row >> BITS] as Float64Array)[((row & MASK) * this.stride + field) >> 1] as number;
	}

	protected setDouble(row: number, field: number, value: number): void {
		(this.doubles[row >> BITS] as Float64Array)[((row & MASK) * this.stride + field) >> 1] = value;
	}

	#addChunk(): void {
		const rows = this.ints.length === 0 ? this.#firstRows : CHUNK;
		const ints = new Int32Array(rows * this.stride);
		this.ints.push(ints);
		if (this.hasDoubles) this.doubles.push(new Float64Array(ints.buffer));
	}

	#growFirst(): void {
		const old = this.chunk(0);
		const ints = new Int32Array(Math.min(old.length * 2, CHUNK * this.stride));
		ints.set(old);
		this.ints[0] = ints;
		if (this.hasDoubles) this.doubles[0] = new Float64Array(ints.buffer);
	}
}

/** A column of references, in chunks like {@link RowTable}. */
export class RefColumn<Value> {
	readonly #chunks: (Value | undefined)[][] = [];

	get(row: number): Value | undefined {
		return this.#chunks[row >> BITS]?.[row & MASK];
	}

	/** Sets a row, in any order. Rows before it that were never set are filled, so that chunks stay packed. */
	set(row: number, value: Value | undefined): void {
		while (this.#chunks.length <= row >> BITS) this.#chunks.push([]);
		// The loop above has made it.
		const chunk = this.#chunks[row >> BITS] as (Value | undefined)[];
		const i = row & MASK;
		while (chunk.length < i) chunk.push(undefined);
		chunk[i] = value;
	}

	truncate(size: number): void {
		const chunks = Math.ceil(size / CHUNK);
		if (this.#chunks.length > chunks) this.#chunks.length = chunks;
		const last = this.#chunks[size >> BITS];
		if (last !== undefined && last.length > (size & MASK)) last.length = size & MASK;
	}
}
