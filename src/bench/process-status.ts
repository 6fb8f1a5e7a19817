import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { MeshError } from '../base/errors.ts';

/** @throws ERR_RUNTIME where the system does not say such things of its processes. */
export function requireProcessStatus(): void {
  if (!existsSync('/proc/self/status'))
    throw new MeshError('ERR_RUNTIME', 'this benchmark reads /proc, which only Linux has');
}

/** Memory that the process holds, shared pages of its binary included. */
export function residentMiB(pid: number): number {
  return numberOf(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1024;
}

/** How often threads of the process have stopped to wait for something since they began: each was woken as often. */
export function wakeUps(pid: number): number {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`))
    sum += numberOf(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'), 'voluntary_ctxt_switches');
  return sum;
}

function numberOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+([0-9]+)`, 'm').exec(status)?.[1] ?? Number.NaN);
}
