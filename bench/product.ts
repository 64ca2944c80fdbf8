export type { AnyAgent, GraphHandle, Mutation, NodeSpec, SwarmOptions } from "../src/index.js";

type Product = typeof import("../src/index.js");

/** The built package: what is measured is what is shipped. The path is not a literal, so that types come from source. */
async function importBuilt(): Promise<Product> {
	const built = new URL("../dist/index.js", import.meta.url);
	try {
		return (await import(built.href)) as Product;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
		throw new Error("the benchmark measures dist/, which is not built: run `npm run build` first", { cause: error });
	}
}

export const { createSwarm, defineAgent, GraphActor, result } = await importBuilt();
