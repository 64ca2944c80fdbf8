const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Letters of one column each: most texts are nothing else. */
const NARROW = /^[\x20-\x7e]*$/;

/** East Asian wide and full-width forms, see https://www.unicode.org/reports/tr11. */
const WIDE =
	/^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]/u;
const EMOJI = /^\p{Emoji_Presentation}|\u{fe0f}/u;
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** How many columns of a terminal a text takes that has no control characters. */
export function widthOf(text: string): number {
	if (NARROW.test(text)) return text.length;
	let width = 0;
	for (const { segment } of segmenter.segment(text)) width += columnsOf(segment);
	return width;
}

/** A text in so many columns at most: what is longer loses its middle, as ids differ at their ends. */
export function cutMiddle(text: string, most: number): string {
	if (widthOf(text) <= most) return text;
	if (most <= 1) return most === 1 ? "…" : "";
	const letters = Array.from(segmenter.segment(text), ({ segment }) => segment);
	const tail = Math.floor((most - 1) / 2);
	return `${headOf(letters, most - 1 - tail)}…${tailOf(letters, tail)}`;
}

/** A text in so many columns at most, without its end. */
export function cutEnd(text: string, most: number): string {
	if (widthOf(text) <= most) return text;
	if (most <= 1) return most === 1 ? "…" : "";
	return `${headOf(
		Array.from(segmenter.segment(text), ({ segment }) => segment),
		most - 1,
	)}…`;
}

function columnsOf(letter: string): number {
	if (NOTHING.test(letter)) return 0;
	return WIDE.test(letter) || EMOJI.test(letter) ? 2 : 1;
}

function headOf(letters: readonly string[], most: number): string {
	let head = "";
	let width = 0;
	for (const letter of letters) {
		width += columnsOf(letter);
		if (width > most) break;
		head += letter;
	}
	return head;
}

function tailOf(letters: readonly string[], most: number): string {
	let tail = "";
	let width = 0;
	for (const letter of letters.toReversed()) {
		width += columnsOf(letter);
		if (width > most) break;
		tail = letter + tail;
	}
	return tail;
}
