import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type FunctionName, functionEntries } from "../../infra/bundles.ts";
import { type Service, services } from "../../infra/service.ts";

type Part = Exclude<keyof Service, "stage">;

/** Every stage's templates, made and checked as `cdk synth` does it, but with empty functions. */
export function synthesize() {
  const folder = mkdtempSync(join(tmpdir(), "suture-synth-"));
  const code = Object.fromEntries(
    Object.keys(functionEntries).map((name) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "index.mjs"), `export const handler = () => ${JSON.stringify(name)};`);
      return [name, join(folder, name)];
    }),
  ) as Record<FunctionName, string>;
  const context = (JSON.parse(readFileSync("cdk.json", "utf8")) as { context: Record<string, unknown> }).context;
  const app = new App({ outdir: join(folder, "cdk.out"), context });
  const made = services(app, { code });
  app.synth();
  return (stage: "dev" | "prod", part: Part): Template => {
    const service = made.find((each) => each.stage.name === stage);
    if (service === undefined) throw new TypeError(`no stage ${stage}`);
    return Template.fromStack(service[part]);
  };
}
