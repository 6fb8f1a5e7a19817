import { getCiphers } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { TLS_GROUPS } from '../../host/tls/groups.ts';
import { toRfc3339 } from '../../base/time.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { CLOCK_PLAUSIBLE_FROM } from '../../node/time/time-floor.ts';
import { couldBeBetter, type Finding, good, lookAt } from './finding.ts';

/** Free space below which a store soon has no room for its journal. */
export const FREE_BYTES_MIN = 256 * 1024 * 1024;

/** What the machine gives: runtime, cryptography, time. */
export function lookAtMachine(): Promise<readonly Finding[]> {
  return Promise.all([
    lookAt('runtime', () => good('runtime', `Node.js ${process.versions.node}, OpenSSL ${process.versions.openssl}`)),
    lookAt('cryptography', () => {
      createSecureContext({ ecdhCurve: TLS_GROUPS, minVersion: 'TLSv1.3' });
      const hasGcm = getCiphers().includes('aes-256-gcm');
      return hasGcm
        ? good('cryptography', `TLS 1.3 with ${TLS_GROUPS.split(':', 1)[0]}, AES-256-GCM`)
        : couldBeBetter('cryptography', 'AES-256-GCM is missing', 'use the Node.js that npm installs');
    }),
    lookAt('clock', () => {
      const now = systemClock.wall();
      return now >= CLOCK_PLAUSIBLE_FROM
        ? good('clock', toRfc3339(now))
        : couldBeBetter(
            'clock',
            `it shows ${toRfc3339(now)}: before this program was made`,
            'set the clock, else certificates look not yet valid',
          );
    }),
  ]);
}

/** Room for what will be written to this directory. */
export function lookAtDisk(directory: string): Promise<Finding> {
  return lookAt('disk', () => {
    const { bavail, bsize } = statfsSync(directory);
    return judgeRoom(bavail * bsize);
  });
}

export function judgeRoom(freeBytes: number): Finding {
  const text = `${Math.floor(freeBytes / (1024 * 1024)).toLocaleString('en-US')} MiB free`;
  return freeBytes >= FREE_BYTES_MIN
    ? good('disk', text)
    : couldBeBetter('disk', text, 'make room: a store that cannot write accepts nothing');
}
