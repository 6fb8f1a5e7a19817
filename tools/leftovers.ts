import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Environment variable that every process started by a test run inherits. */
const RUN_ENV = 'CHAINMAIL_TEST_RUN';

/** How long processes may take to end by themselves once the tests are done. */
const GRACE_MS = 2_000;
const POLL_MS = 50;
const LOOKS = 2;
/** Unit of times in `/proc`. */
const TICK_MS = 10;

/** Marks this process, so that what it starts from now on can be told from everything else on the machine. */
export function markProcesses(): string {
  const mark = randomUUID();
  process.env[RUN_ENV] = mark;
  return mark;
}

/**
 * Waits for processes with this mark to end, kills those that do not, and says which they were. Finds nothing where
 * there is no `/proc`.
 */
export async function endLeftovers(mark: string): Promise<readonly string[]> {
  if (await areGone(mark)) return [];
  const leftovers = markedPids(mark).map((pid) => {
    const command = argumentsOf(pid).join(' ').trim();
    kill(pid);
    return `${pid} ${command}`;
  });
  await areGone(mark); // on a busy machine a process that was killed lives on for a while
  return leftovers;
}

/** Waits. Twice none: one that is just being started has no environment for a moment, and is not seen. */
async function areGone(mark: string): Promise<boolean> {
  let looks = 0;
  for (let waitedMs = 0; waitedMs < GRACE_MS; waitedMs += POLL_MS) {
    looks = markedPids(mark).length === 0 ? looks + 1 : 0;
    if (looks === LOOKS) return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** Processor time that the marked process with this argument has had; `undefined` where there is none, or no `/proc`. */
export function workMsOf(mark: string, argument: string): number | undefined {
  const pid = markedPids(mark).find((each) => argumentsOf(each).includes(argument));
  if (pid === undefined) return undefined;
  const [user, system] = readProc(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return user === undefined || system === undefined ? undefined : (user + system) * TICK_MS;
}

/** Kills the marked processes that have this argument. */
export function killByArgument(mark: string, argument: string): void {
  for (const pid of markedPids(mark)) if (argumentsOf(pid).includes(argument)) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}

function argumentsOf(pid: number): readonly string[] {
  return readProc(pid, 'cmdline').split('\0');
}

function markedPids(mark: string): readonly number[] {
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => readProc(pid, 'environ').split('\0').includes(`${RUN_ENV}=${mark}`));
}

/** Empty for a process that is gone, or another user's. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
