/** What stands for what was taken out. */
const gone = "[removed]";

/** Words whose value nobody else may see, as JSON, as YAML or as an option has them. */
const named =
  /("?[\w-]*(?:token|secret|password|access-?key|machine-?id|uuid|serial)[\w-]*"?\s*[:=]\s*)("[^"]*"|\S+)/gi;

/**
 * Takes out of a tool's output what tells who the host is or lets anybody act for it: tokens, keys and machine ids by their names,
 * anything long that is only hexadecimal, addresses of networks and of mail, credentials in addresses, and the host's name.
 */
export function scrub(text: string, hostname: string): string {
  const scrubbed = text
    .replace(named, (_, name: string, value: string) => name + (value.startsWith('"') ? `"${gone}"` : gone))
    .replace(/(\w+:\/\/)[^\s/@]+@/g, `$1${gone}@`)
    .replace(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, gone)
    .replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, gone)
    .replace(/\b[0-9a-f]{20,}\b/gi, gone)
    .replace(/\b[0-9A-Za-z_]{32,}\b/g, gone)
    .replace(/\b(?:\d{1,3}\.){3}\d{1,3}\b(?![.-]?\w)/g, gone)
    .replace(/\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b/gi, gone);
  return hostname.length < 3 ? scrubbed : scrubbed.replaceAll(hostname, gone);
}
