/** A module of the built package: what is measured is what is shipped. @param file - below dist/ */
export async function importBuilt<Module>(file: string): Promise<Module> {
	const built = new URL(`../dist/${file}`, import.meta.url);
	try {
		return (await import(built.href)) as Module;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
		throw new Error("the benchmark measures dist/, which is not built: run `npm run build` first", { cause: error });
	}
}
