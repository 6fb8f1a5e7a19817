import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { UnixMs } from '../../../src/base/time.ts';
import { SqliteAuthorityStore } from '../../../src/host/sqlite/authority-store.ts';
import { SqliteNodeStore } from '../../../src/host/sqlite/node-store.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { parseNodeId } from '../../../src/identity/node-id.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A disk writes whole sectors, in any order, until it is told to finish. */
const SECTOR_BYTES = 512;
const TEARS = 30;
const ROWS = 40;
const OWNER = { mesh: parseMeshName('depot'), nodeId: parseNodeId('n1') };

/** The file and its log, as they would be found after the power failed. */
interface Disk {
  readonly file: Buffer;
  readonly log: Buffer;
}

function look(path: string): Disk {
  return { file: readFileSync(path), log: readFileSync(`${path}-wal`) };
}

/**
 * What a power cut may leave between two moments, where nothing between them was waited for: of each sector of the log
 * that changed, the old, the new, or half of each; and the file as it was.
 */
function torn(before: Disk, after: Disk, random: SeededRandom): Disk {
  assert.ok(before.file.equals(after.file), 'the log was carried over meanwhile: that waits for the disk');
  const log = Buffer.from(after.log.subarray(0, random.between(before.log.length, after.log.length)));
  for (let at = 0; at < log.length; at += SECTOR_BYTES) {
    const end = Math.min(at + SECTOR_BYTES, log.length);
    const old = Buffer.alloc(end - at);
    before.log.subarray(Math.min(at, before.log.length), Math.min(end, before.log.length)).copy(old);
    const fate = random.below(3);
    if (fate === 0) old.copy(log, at);
    if (fate === 1) old.subarray(0, old.length >> 1).copy(log, at);
  }
  return { file: after.file, log };
}

function put(path: string, { file, log }: Disk): void {
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log);
}

const bytesOf = (i: number): Uint8Array<ArrayBuffer> => new Uint8Array(300).fill(i);
const keyOf = (i: number): string => i.toString(16).padStart(64, '0');

describe('a power cut in the middle of a write', () => {
  it('leaves a node what was answered, and of the rest whole steps or nothing', async (t) => {
    const random = new SeededRandom('torn node');
    const folder = tempDir(t);
    const path = join(folder, 'node.db');
    const store = SqliteNodeStore.open(path, OWNER);
    t.after(() => store.close());
    const step = (first: number): Promise<void> =>
      store.apply(
        Array.from({ length: ROWS }, (_, i) => ({
          tag: 'put-message' as const,
          message: {
            arrival: first + i,
            receivedAt: 1 as UnixMs,
            bytes: bytesOf(first + i),
          },
        })),
      );
    const outcomes = new Set<number>();
    for (let tear = 0; tear < TEARS; tear++) {
      const first = tear * ROWS;
      const before = look(path);
      await step(first);
      const after = look(path);
      if (!before.file.equals(after.file)) continue;
      const copy = join(folder, `torn-${tear}.db`);
      put(copy, torn(before, after, random));
      const found = SqliteNodeStore.open(copy, OWNER);
      const kept = Array.from(found.load().messages);
      await found.close();
      const lost = kept.length - first;
      assert.ok(lost === 0 || lost === ROWS, `${lost} of ${ROWS}`);
      assert.deepEqual(
        kept.map(({ arrival, bytes }) => [arrival, bytes.toHex()]),
        Array.from(kept.keys(), (i) => [i, bytesOf(i).toHex()]),
      );
      outcomes.add(lost);
    }
    assert.ok(outcomes.has(0), 'no tear was ever felt');
  });

  it('leaves the authority no half of an enrolment', async (t) => {
    const random = new SeededRandom('torn authority');
    const folder = tempDir(t);
    const path = join(folder, 'authority.db');
    const store = SqliteAuthorityStore.open(path, 'create');
    t.after(() => store.close());
    const enrol = (i: number): Promise<void> =>
      store.transact(async (tx) => {
        const spkiHash = keyOf(i);
        await tx.putNode({ nodeId: `n${i}`, identitySpkiHash: spkiHash, boundAt: 1 as UnixMs, revokedAt: undefined });
        await tx.putCertificate({
          serial: (i + 1).toString(16),
          issueIndex: i,
          kind: 'node',
          subject: `n${i}`,
          spkiHash,
          tokenHash: keyOf(i),
          roles: [],
          notBefore: 1 as UnixMs,
          notAfter: 2 as UnixMs,
          der: Uint8Array.of(0x30, 0),
          revokedAt: undefined,
          revokedReason: undefined,
        });
        await tx.setMeta('last-signed-at', String(i));
      });
    for (let tear = 0; tear < TEARS; tear++) {
      const before = look(path);
      await enrol(tear);
      const after = look(path);
      if (!before.file.equals(after.file)) continue;
      const copy = join(folder, `torn-${tear}.db`);
      put(copy, torn(before, after, random));
      const found = SqliteAuthorityStore.open(copy, 'refuse');
      await found.transact(async (tx) => {
        const next = await tx.nextIssueIndex();
        assert.ok(next === tear || next === tear + 1, `${next} after ${tear}`);
        for (let i = 0; i <= tear; i++) {
          const { certificate } = await tx.standingOfKey(keyOf(i), keyOf(i));
          assert.equal(certificate !== undefined, i < next, `enrolment ${i}`);
          assert.equal((await tx.findNode(`n${i}`)) !== undefined, i < next, `node ${i}`);
        }
      });
      await found.close();
    }
  });
});
