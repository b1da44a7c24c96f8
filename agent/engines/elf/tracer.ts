import { listThreads, programName, threadStatus } from "../../system/proc.ts";
import { isTracedByUs } from "../../system/ptrace.ts";

/** Of a process with more threads only so many are looked at. */
const maxThreads = 256;

/**
 * Who traces a process, in a sentence with the tracer's number and name; undefined where nobody but us does. One tracer at a time can stop
 * a thread, so a process that a debugger holds cannot be patched. @see ptrace(2), proc_pid_status(5): TracerPid
 */
export function whoTraces(pid: number): string | undefined {
  for (const tid of listThreads(pid).slice(0, maxThreads)) {
    const tracer = Number(threadStatus(pid, tid).get("TracerPid") ?? 0);
    if (tracer !== 0 && !isTracedByUs(tracer)) return `process ${tracer} (${programName(tracer)}) traces it`;
  }
  return undefined;
}
