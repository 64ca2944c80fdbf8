import type { Argument, Command as Commander, Option } from "commander";

/** Something that may stand where somebody types. */
export interface Candidate {
	readonly text: string;
	readonly about: string;
}

/** What may stand there: words, and whether files may. */
export interface Candidates {
	readonly words: readonly Candidate[];
	readonly files: boolean;
}

/** Where the ids come from that only the store knows. */
export interface IdSources {
	runs(): Promise<readonly Candidate[]>;
	triggers(): Promise<readonly Candidate[]>;
}

/**
 * What may stand in the place of the last word of a command line.
 *
 * @param words - what follows the name of the program; the last one is being typed, and may be empty
 */
export async function candidatesFor(program: Commander, words: readonly string[], ids: IdSources): Promise<Candidates> {
	const typed = words.at(-1) ?? "";
	const { command, operands, awaits } = readWords(program, words.slice(0, -1));
	const found = awaits === undefined ? await operandsOf(command, operands, typed, ids) : ofOption(awaits);
	return { ...found, words: found.words.filter(({ text }) => text.startsWith(typed)) };
}

/** The words before the one that is typed: which subcommand, how many operands, an option that wants its value. */
function readWords(
	program: Commander,
	words: readonly string[],
): { readonly command: Commander; readonly operands: number; readonly awaits: Option | undefined } {
	let command = program;
	let operands = 0;
	let awaits: Option | undefined;
	for (const word of words) {
		if (awaits !== undefined) awaits = undefined;
		else if (word.startsWith("-")) awaits = word.includes("=") ? undefined : valueOption(command, word);
		else {
			const next = operands === 0 ? command.commands.find((each) => each.name() === word) : undefined;
			if (next === undefined) operands++;
			else command = next;
		}
	}
	return { command, operands, awaits };
}

function valueOption(command: Commander, flag: string): Option | undefined {
	const option = optionsOf(command).find(({ short, long }) => short === flag || long === flag);
	return option !== undefined && (option.required || option.optional) ? option : undefined;
}

function optionsOf(command: Commander): readonly Option[] {
	const own = command.createHelp().visibleOptions(command);
	return command.parent === null ? own : [...own, ...command.parent.options.filter((option) => !own.includes(option))];
}

function ofOption({ argChoices, flags }: Option): Candidates {
	const words = (argChoices ?? []).map((text) => ({ text, about: "" }));
	return { words, files: /<(file|folder|path)>/.test(flags) };
}

async function operandsOf(command: Commander, operands: number, typed: string, ids: IdSources): Promise<Candidates> {
	if (typed.startsWith("-")) {
		const words = optionsOf(command).map(({ long, short, description }) => ({
			text: long ?? short ?? "",
			about: description,
		}));
		return { words, files: false };
	}
	const commands = command.createHelp().visibleCommands(command);
	if (operands === 0 && commands.length > 0)
		return { words: commands.map((each) => ({ text: each.name(), about: each.description() })), files: false };
	const argument = argumentAt(command, operands);
	const name = argument?.name() ?? "";
	if (argument?.argChoices !== undefined)
		return { words: argument.argChoices.map((text) => ({ text, about: "" })), files: false };
	if (/^(run|other)$/.test(name))
		return { words: [...(await ids.runs()), { text: "@last", about: "the newest" }], files: false };
	if (name === "trigger") return { words: await ids.triggers(), files: false };
	return { words: [], files: /^(file|from|to|folder)$/.test(name) };
}

function argumentAt(command: Commander, place: number): Argument | undefined {
	const known = command.registeredArguments;
	const last = known.at(-1);
	return known[place] ?? (last?.variadic === true ? last : undefined);
}
