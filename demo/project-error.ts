/** The project cannot be planned at all: said to the user in one line, without a stack. */
export class ProjectError extends Error {
	override readonly name = "ProjectError";
	readonly code = "PROJECT_UNUSABLE";
}
