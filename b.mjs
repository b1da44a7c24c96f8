import {bundle,functionEntries} from './infra/bundles.ts'; import {gzipSync} from 'node:zlib'; import {readFileSync} from 'node:fs';
for (const n of Object.keys(functionEntries)) { const t=performance.now(); const r=await bundle(n,'build/lambda'); console.log(n,r.bytes,gzipSync(readFileSync(r.folder+'/index.mjs')).length, Math.round(performance.now()-t)); }
