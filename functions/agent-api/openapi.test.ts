import { OpenAPIHono } from "@hono/zod-openapi";
import { expect, it } from "vitest";
import { agentApi } from "./app.ts";
import { usualAgentLimits } from "./limits.ts";
import { describeAgentApi } from "./openapi.ts";

it("every route of agent-api is described, and every description has its route", () => {
  const routes = agentApi({ ticketKeys: [], pollSeconds: 900, limits: usualAgentLimits } as unknown as Parameters<
    typeof agentApi
  >[0]).routes;
  // What answers every other method with `method-not-allowed` is none
  const served = new Set(
    routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`),
  );
  const document = new OpenAPIHono();
  describeAgentApi(document.openAPIRegistry);
  const { paths } = document.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  const described = Object.entries(paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual([...served].toSorted());
});
