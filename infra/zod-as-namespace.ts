import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** esbuild keeps all of an object that a module exports, but of a namespace only what is used: zod's languages are 280 KB. */
export const zodAsNamespace: Plugin = {
  name: "zod-as-namespace",
  setup(build) {
    build.onLoad({ filter: /\/(?:protocol|functions|agent)\/.*\.tsx?$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const contents = text.replace('import { z } from "zod"', 'import * as z from "zod"');
      return { contents, loader: path.endsWith("x") ? "tsx" : "ts" };
    });
  },
};
