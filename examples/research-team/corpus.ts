/** One thing that somebody has written down somewhere. The town, its bees and the sources are invented. */
export interface Fact {
	readonly id: string;
	readonly angle: Angle;
	/** What it is found by. */
	readonly keyword: string;
	readonly text: string;
	readonly source: string;
}

/** A side of the topic. */
export const angles = ["history", "harvest", "health", "neighbours", "law"] as const;
export type Angle = (typeof angles)[number];

export const topic = "Rooftop beekeeping in the town of Halvern";

/** All that the fake search engine has. */
export const corpus: readonly Fact[] = [
	{
		id: "F1",
		angle: "history",
		keyword: "first hives",
		text: "The first two hives were carried up to the roof of the Halvern corn exchange in May 1987, by its caretaker.",
		source: "Halvern Gazette, 12 May 1987",
	},
	{
		id: "F2",
		angle: "history",
		keyword: "growth",
		text: "By 2024 the town counted 214 hives on 61 roofs, twice as many as ten years before.",
		source: "Halvern in Figures 2024, p. 31",
	},
	{
		id: "F3",
		angle: "harvest",
		keyword: "yield",
		text: "A rooftop hive gave 23 kg of honey in the average year, against 16 kg in the fields around the town.",
		source: "Orla Tench, Honey above the Gutters, ch. 4",
	},
	{
		id: "F4",
		angle: "harvest",
		keyword: "lime trees",
		text: "Two thirds of the pollen in town honey came from the lime trees along Station Road.",
		source: "Orla Tench, Honey above the Gutters, ch. 5",
	},
	{
		id: "F5",
		angle: "health",
		keyword: "winter losses",
		text: "Winter losses on roofs were 11 %, and 19 % in the fields; wind, and not cold, was the commonest cause.",
		source: "County Bee Inspector, report 2023",
	},
	{
		id: "F6",
		angle: "health",
		keyword: "mites",
		text: "Mites were found in nine hives of ten, as everywhere; roofs made no difference.",
		source: "County Bee Inspector, report 2023",
	},
	{
		id: "F7",
		angle: "neighbours",
		keyword: "complaints",
		text: "The town hall had seven complaints about bees in 2023, and 340 about scooters.",
		source: "Halvern town hall, letters received 2023",
	},
	{
		id: "F8",
		angle: "neighbours",
		keyword: "stings",
		text: "Most complaints came in the second week of June, when the hives swarm.",
		source: "Halvern town hall, letters received 2023",
	},
	{
		id: "F9",
		angle: "law",
		keyword: "permits",
		text: "A roof needs a permit for more than three hives since the by-law of 2016.",
		source: "Halvern by-law 2016/14, § 3",
	},
	{
		id: "F10",
		angle: "law",
		keyword: "insurance",
		text: "Keepers have to be insured, which costs 18 a year through the beekeepers' club.",
		source: "Halvern by-law 2016/14, § 7",
	},
];
