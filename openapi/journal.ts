// A teacher's work in the generated types: it compiles as long as the contract keeps its promises.
import type { components, operations } from "./build/api";

type Ok<Name extends keyof operations, Status extends number> =
  operations[Name] extends { responses: Record<Status, { content: { "application/json": infer Body } }> } ? Body : never;

export const mark: components["schemas"]["MarkWrite"] = { value: "5-", comment: "Решил двумя способами" };

export function topicsOf(diary: Ok<"read_diary", 200>): (string | null)[] {
  return diary.lessons.map((lesson) => lesson.topic);
}

export function refusal(problem: components["schemas"]["Problem"]): string {
  return `${problem.status}: ${problem.detail}`;
}
