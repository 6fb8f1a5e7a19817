import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Why a test that fills a disk is skipped where {@link smallDisk} gives none. */
export const NO_SMALL_DISK = 'this user may not mount a file system';

/** A file system of a few MiB, gone when the test ends. @returns its folder; `undefined` where this user may not make one. */
export function smallDisk(t: Pick<TestContext, 'after'>, mebibytes: number): string | undefined {
  const disk = mkdtempSync(join(tmpdir(), 'chainmail-test-'));
  t.after(() => {
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const options = ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'none', disk];
  return spawnSync('mount', options).status === 0 ? disk : undefined;
}

/** Makes room on a disk that is full. */
export function enlarge(disk: string, mebibytes: number): void {
  spawnSync('mount', ['-o', `remount,size=${mebibytes}m`, disk]);
}
