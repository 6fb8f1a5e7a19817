import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chmodSync, cpSync, existsSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { statusResponseSchema } from '../../src/api/node-programs.ts';
import { utf8 } from '../../src/base/bytes.ts';
import type { UnixMs } from '../../src/base/time.ts';
import { judgeIssuer } from '../../src/daemon/doctor/authority-health.ts';
import { diagnose } from '../../src/daemon/doctor/doctor.ts';
import { FREE_BYTES_MIN, judgeRoom } from '../../src/daemon/doctor/machine.ts';
import { judgeSkew, lookAtCertificate } from '../../src/daemon/doctor/node-health.ts';
import { loadEnrolledNode } from '../../src/daemon/node/enrolled-node.ts';
import { Fleet, type FleetListener, type FleetNode } from '../../src/daemon/up/fleet.ts';
import { CLOCK_SKEW_MS_MAX } from '../../src/node/time/time-floor.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { FileKeyStore } from '../../src/host/keys/file-key-store.ts';
import { tempDir } from '../support/temp-dir.ts';

const UNHEARD: FleetListener = { handleEvent: () => {}, handleEnded: () => {}, handleDeaf: () => {} };

describe('chainmail doctor (X.03)', () => {
  const fleet = new Fleet(join(tempDir({ after }), 'mesh'), 'demo', 1);
  const [node] = fleet.nodes as readonly [FleetNode];

  /** Name and state of each finding that is about the directory. */
  async function stateOf(name: string, directory: string): Promise<string | undefined> {
    return (await diagnose(directory)).find((finding) => finding.name === name)?.state;
  }

  before(async () => {
    await fleet.startAuthority(UNHEARD);
    await fleet.enroll(node);
  });

  after(() => fleet.stop());

  it('says that an enrolled node does not run, and how to start it', async () => {
    const findings = await diagnose(node.directory);
    const process = findings.find(({ name }) => name === 'process');
    assert.equal(process?.state, 'could-be-better');
    assert.match(process?.hint ?? '', /chainmail node run --dir/);
    assert.equal(await stateOf('keys', node.directory), 'good');
    assert.equal(await stateOf('authority', node.directory), 'good');
  });

  it('says that a running authority is ready, and how many nodes it has', async () => {
    const process = (await diagnose(fleet.authorityDirectory)).find(({ name }) => name === 'process');
    assert.equal(process?.state, 'good');
    assert.match(process?.detail ?? '', /1 of 1 nodes/);
  });

  it('says that a node is revoked: as the authority says, else as the node has heard', async (t) => {
    const other = new Fleet(join(tempDir(t), 'mesh'), 'demo', 1);
    t.after(() => other.stop());
    const [revoked] = other.nodes as readonly [FleetNode];
    await other.startAuthority(UNHEARD);
    await other.enroll(revoked);
    await revoked.start(UNHEARD);
    await other.revoke(revoked);
    const certificate = async () =>
      (await diagnose(revoked.directory)).find(({ name }) => name === 'certificate') ?? assert.fail();
    const { state, detail, hint } = await certificate();
    assert.deepEqual([state, /^revoked at .* keyCompromise$/.test(detail)], ['bad', true]);
    assert.match(hint ?? '', /new ticket in another directory/);

    const knows = async (): Promise<boolean> => {
      const status = await revoked.desk.call(statusResponseSchema, { method: 'GET', path: '/v1/status' });
      return status.certificate.revoked;
    };
    while (!(await knows())) await new Promise((resolve) => setTimeout(resolve, 50));
    await other.stop();
    assert.equal((await certificate()).detail, detail);
  });

  it('says that a passphrase file is readable by others', async () => {
    const passphrase = join(node.directory, 'passphrase');
    chmodSync(passphrase, 0o644);
    assert.equal(await stateOf('keys', node.directory), 'bad');
    chmodSync(passphrase, 0o600);
  });

  it('warns when a third of a certificate’s life is left, and says when it has ended', async () => {
    const enrolled = loadEnrolledNode(node.directory);
    const { notBefore = 0, notAfter = 0 } = enrolled.chain[0] ?? {};
    const at = (fraction: number) =>
      lookAtCertificate(enrolled, (notBefore + (notAfter - notBefore) * fraction) as UnixMs);
    assert.equal((await at(0.6)).state, 'good');
    assert.deepEqual([(await at(0.7)).state, (await at(0.7)).name], ['could-be-better', 'certificate']);
    assert.match((await at(0.7)).hint ?? '', /new ticket/);
    assert.equal((await at(1)).state, 'bad');
  });

  it('does not call a node ill whose authority is away', async () => {
    await fleet.stop();
    assert.equal(await stateOf('authority', node.directory), 'could-be-better');
    assert.equal(await stateOf('process', fleet.authorityDirectory), 'could-be-better');
    assert.equal(await stateOf('certificate', node.directory), 'good');
  });

  it('opens the keys of an authority, the root key too: nothing else would notice that it has rotted', async (t) => {
    const { authorityDirectory } = fleet;
    const folder = join(authorityDirectory, 'root');
    const key = join(folder, 'root.key.box');
    const rootKey = async () =>
      (await diagnose(authorityDirectory)).find(({ name }) => name === 'root key') ?? assert.fail();
    assert.equal(await stateOf('keys', authorityDirectory), 'good');
    assert.deepEqual([(await rootKey()).state, /is that of the root/.test((await rootKey()).detail)], ['good', true]);

    const sealed = readFileSync(key);
    writeFileSync(key, sealed.with(sealed.length - 1, (sealed.at(-1) as number) ^ 1));
    const rotten = await rootKey();
    assert.deepEqual([rotten.state, /root\.key\.box" is damaged/.test(rotten.detail)], ['bad', true], rotten.detail);
    assert.match(rotten.hint ?? '', /restore .*root\.key\.box from a backup/);
    writeFileSync(key, sealed);

    const elsewhere = join(tempDir(t), 'root');
    renameSync(folder, elsewhere);
    const away = await rootKey();
    assert.deepEqual([away.state, /not in .* where it is kept/.test(away.detail)], ['good', true], away.detail);
    assert.equal(existsSync(folder), false, 'a look changes nothing');
    renameSync(elsewhere, folder);

    const passphrase = join(authorityDirectory, 'passphrase');
    renameSync(passphrase, elsewhere);
    assert.equal(await stateOf('keys', authorityDirectory), 'could-be-better');
    renameSync(elsewhere, passphrase);

    const other = join(tempDir(t), 'other');
    const secret = new Secret(utf8('another'));
    writeFileSync(passphrase, 'another');
    await (await FileKeyStore.open(other, secret)).generate('root');
    cpSync(folder, elsewhere, { recursive: true });
    cpSync(other, folder, { recursive: true });
    const foreign = await rootKey();
    assert.deepEqual(
      [foreign.state, /does not belong to the root/.test(foreign.detail)],
      ['bad', true],
      foreign.detail,
    );
  });

  it('says which file of an authority is damaged', async () => {
    const { authorityDirectory } = fleet;
    assert.equal(await stateOf('issuer', authorityDirectory), 'good');
    const span = { notBefore: 10_000 as UnixMs, notAfter: 20_000 as UnixMs };
    assert.deepEqual(
      [9_999, 10_000, 20_000, 20_001].map((now) => judgeIssuer(span, now as UnixMs).state),
      ['bad', 'good', 'good', 'bad'],
    );
    truncateSync(join(authorityDirectory, 'root.pem'), 100);
    truncateSync(join(authorityDirectory, 'authority.db'), 0);
    const found = new Map((await diagnose(authorityDirectory)).map((finding) => [finding.name, finding]));
    assert.equal(found.get('issuer')?.state, 'bad');
    assert.match(found.get('issuer')?.detail ?? '', /root\.pem/);
    assert.match(found.get('authority')?.detail ?? '', /authority\.db" is missing or empty/);
  });

  it('says that a directory is neither authority nor node, or is not there', async () => {
    assert.equal(await stateOf('directory', fleet.directory), 'could-be-better');
    assert.equal(await stateOf('directory', join(fleet.directory, 'nowhere')), 'bad');
  });
});

describe('what doctor finds good', () => {
  it('is room for a journal', () => {
    assert.equal(judgeRoom(FREE_BYTES_MIN).state, 'good');
    assert.equal(judgeRoom(FREE_BYTES_MIN - 1).state, 'could-be-better');
  });

  it('is a clock that agrees with the authority’s, either way', () => {
    for (const sign of [1, -1]) {
      assert.equal(judgeSkew('https://ca', sign * CLOCK_SKEW_MS_MAX).state, 'good');
      const finding = judgeSkew('https://ca', sign * (CLOCK_SKEW_MS_MAX + 1_000));
      assert.deepEqual([finding.state, finding.hint], ['could-be-better', 'set the wrong one of the two']);
    }
  });
});
