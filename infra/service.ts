import { type App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import type { FunctionName } from "./bundles.ts";
import { ApiStack } from "./stacks/api.ts";
import { DataStack } from "./stacks/data.ts";
import { EdgeStack } from "./stacks/edge.ts";
import { IdentityStack } from "./stacks/identity.ts";
import { JobsStack } from "./stacks/jobs.ts";
import { ObserveStack } from "./stacks/observe.ts";
import { SigningStack } from "./stacks/signing.ts";
import { type Domain, type StageConfig, stages } from "./stage.ts";

/** Every stack of one stage. */
export type Service = {
  stage: StageConfig;
  data: DataStack;
  signing: SigningStack;
  jobs: JobsStack;
  edge: EdgeStack;
  identity: IdentityStack;
  api: ApiStack;
  observe: ObserveStack;
};

/**
 * The whole service in every stage, checked by cdk-nag's AwsSolutions pack when it is synthesized.
 * @param code the folder of each function's bundle
 * @param domain the name under which the service is known; without it CloudFront's own
 */
export function services(
  app: App,
  { code, domain }: { code: Readonly<Record<FunctionName, string>>; domain?: Domain | undefined },
): Service[] {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return stages.map((stage) => {
    const id = (part: string) => `suture-${stage.name}-${part}`;
    const data = new DataStack(app, id("data"), stage);
    const signing = new SigningStack(app, id("signing"), stage);
    const jobs = new JobsStack(app, id("jobs"), { data, signing, code });
    const edge = new EdgeStack(app, id("edge"), { data, stage, domain });
    const identity = new IdentityStack(app, id("identity"), { edge, stage });
    const api = new ApiStack(app, id("api"), { data, signing, jobs, edge, identity, stage, code });
    const observe = new ObserveStack(app, id("observe"), { data, api, edge, jobs, stage });
    return { stage, data, signing, jobs, edge, identity, api, observe };
  });
}
