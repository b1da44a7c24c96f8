import { expect, it } from "vitest";
import type { z } from "zod";
import { vendorApi } from "./app.ts";

type Content = Record<string, { schema?: z.ZodType; example?: unknown } | undefined>;

/** The routes as they are described; nothing is called. */
const { definitions } = vendorApi({} as Parameters<typeof vendorApi>[0]).openAPIRegistry;
const contents = definitions.flatMap((definition) => {
  if (definition.type !== "route") return [];
  const { method, path, request, responses } = definition.route;
  const name = `${method.toUpperCase()} ${path}`;
  const answers = Object.entries(responses ?? {}).filter(([status]) => status !== "default");
  return [
    ...(request?.body === undefined ? [] : [{ name, content: request.body.content as Content }]),
    ...answers.flatMap(([status, response]) =>
      "content" in response ? [{ name: `${name} ${status}`, content: response.content as Content }] : [],
    ),
  ].map(({ name: of, content }) => ({ name: of, ...content["application/json"] }));
});

it("every body and every answer has an example, and each example is one", () => {
  expect(contents.length).toBeGreaterThan(40);
  expect(contents.filter(({ example }) => example === undefined).map(({ name }) => name)).toEqual([]);
  const wrong = contents.flatMap(({ name, schema, example }) => {
    const issues = schema?.safeParse(example).error?.issues ?? [];
    return issues.map(({ path, message }) => `${name}: ${path.join(".")}: ${message}`);
  });
  expect(wrong).toEqual([]);
});
