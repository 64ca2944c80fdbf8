import { importBuilt } from "./built.ts";

export type { AnyAgent, GraphHandle, Mutation, NodeSpec, SwarmOptions } from "../src/index.js";

/** The built package, with the types of its source. */
type Product = typeof import("../src/index.js");

export const { createSwarm, defineAgent, GraphActor, result } = await importBuilt<Product>("index.js");
