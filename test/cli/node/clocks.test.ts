import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { chainmail, LongCommand } from '../../support/processes/chainmail.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';
import { missingFaketime, SetClock } from '../../support/processes/set-clock.ts';
import { RawTls } from '../../support/raw-tls.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** An authority as a process on a clock of its own. */
class ClockedAuthority {
  readonly clock: SetClock;
  readonly dir: string;
  #command: LongCommand | undefined;
  #listen = '127.0.0.1:0';

  private constructor(folder: string) {
    this.dir = join(folder, 'authority');
    this.clock = new SetClock(join(folder, 'authority.clock'));
  }

  static async start(t: TestContext, folder: string): Promise<ClockedAuthority> {
    const authority = new ClockedAuthority(folder);
    mkdirSync(authority.dir, { mode: 0o700 });
    writeFileSync(join(authority.dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
    const made = await chainmail(['authority', 'init', '--dir', authority.dir, '--mesh', 'depot', '--json']);
    assert.equal(made.code, 0, made.stderr);
    t.after(() => authority.#command?.end('SIGKILL'));
    await authority.run();
    return authority;
  }

  async end(): Promise<void> {
    await this.#command?.end();
  }

  async run(): Promise<void> {
    await this.end();
    const args = ['authority', 'run', '--dir', this.dir, '--listen', this.#listen, '--json'];
    this.#command = new LongCommand(args, { CHAINMAIL_LOG_LEVEL: 'error', ...this.clock.environment });
    this.#listen = new URL((await this.#command.json<{ url: string }>()).url).host;
  }
}

describe('real processes whose clocks are wrong (T6)', { skip: missingFaketime }, () => {
  it('a clock that was set back between two runs brings no expired certificate back, and is told of', async (t) => {
    const folder = tempDir(t);
    const authority = await ClockedAuthority.start(t, folder);
    const thief = await (await NodeProcess.enroll(folder, 'thief', authority.dir)).identity(); // ends in 24 hours
    authority.clock.set('+30h');
    await authority.run();
    const clock = new SetClock(join(folder, 'node.clock'), '+30h');
    const node = await NodeProcess.enroll(folder, 'node', authority.dir, {}, clock.environment);
    t.after(() => node.end('SIGKILL'));
    await node.run();
    await node.untilEvent(async () => {
      const { json } = await node.ask({ method: 'GET', path: '/v1/status' });
      return (json['crls'] as readonly object[]).length > 0;
    });
    assert.equal(await node.end(), 0);

    clock.set('+0');
    await node.run();
    const refused = new RawTls(node.ready.address, thief.tls);
    assert.equal((await refused.untilClosed()).length, 0, 'the node spoke to a member whose certificate has ended');
    const { json } = await node.ask({ method: 'GET', path: '/v1/status' });
    assert.ok(Number(json['clock_behind_sec']) > 29 * 3_600, JSON.stringify(json['clock_behind_sec']));
    assert.match(node.stderr, /"behind_sec":1\d{5},.*the clock of this machine lies behind/);
    const doctor = await chainmail(['doctor', '--dir', node.dir], clock.environment);
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, /process +it runs, and the clock of this machine lies \d+ s behind/);
    const status = await chainmail(['status', '--dir', node.dir], clock.environment);
    assert.match(status.stdout, /^clock +BEHIND/m);
  });

  it('an authority beyond the end of its own certificate signs nothing, says why, and goes on when the clock is right', async (t) => {
    const authority = await ClockedAuthority.start(t, tempDir(t));
    await authority.end();
    authority.clock.set('+10y');
    const { code, stderr } = await chainmail(
      ['authority', 'run', '--dir', authority.dir, '--listen', '127.0.0.1:0'],
      authority.clock.environment,
    );
    assert.equal(code, 1);
    assert.match(stderr, /the issuing certificate ended at .*, and the clock shows 203\d/);
    const doctor = await chainmail(['doctor', '--dir', authority.dir], authority.clock.environment);
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, /issuer +root and intermediate hold from .* and the clock shows 203\d/);
    authority.clock.set('+0');
    await authority.run();
  });

  it('a node that starts in 1970 goes by what its authority has signed: it links, hears and speaks', async (t) => {
    const folder = tempDir(t);
    const authority = await ClockedAuthority.start(t, folder);
    const right = await NodeProcess.enroll(folder, 'right', authority.dir);
    const clock = new SetClock(join(folder, 'early.clock'));
    const early = await NodeProcess.enroll(folder, 'early', authority.dir, {}, clock.environment);
    t.after(() => Promise.all([right, early].map((node) => node.end('SIGKILL'))));
    await right.run();
    const { json: first } = await right.publish('before');
    await early.run('--peer', right.ready.address);
    await early.untilListed(new Set([String(first['message_id'])]));
    assert.equal(await early.end(), 0);

    clock.set('@1970-01-01 00:10:00');
    await early.run('--peer', right.ready.address);
    await early.linkedWith(right);
    const { status, json } = await early.publish('in 1970');
    assert.equal(status, 201, JSON.stringify(json));
    await right.untilListed(new Set([String(json['message_id'])]));
    const { json: second } = await right.publish('of today');
    await early.untilListed(new Set([String(first['message_id']), String(second['message_id'])]));
  });

  it('a clock that is ten years ahead for a moment costs no message that was acknowledged', async (t) => {
    const folder = tempDir(t);
    const authority = await ClockedAuthority.start(t, folder);
    const clock = new SetClock(join(folder, 'node.clock'));
    const node = await NodeProcess.enroll(folder, 'node', authority.dir, {}, clock.environment);
    t.after(() => node.end('SIGKILL'));
    await node.run();
    const { json } = await node.publish('acknowledged');
    const id = String(json['message_id']);
    clock.set('+10y');
    // It says that its certificate has ended as soon as it has seen the clock; each asking makes it look at what has ended.
    for (;;) {
      const { json: status } = await node.ask({ method: 'GET', path: '/v1/status' });
      if ((status['certificate'] as { state: string }).state === 'ended') break;
    }
    for (let askings = 0; askings < 3; askings++) assert.ok((await node.publish('too late')).status >= 400);
    clock.set('+0');
    await node.end('SIGKILL');
    await node.run();
    assert.deepEqual([...(await node.listed())], [id]);
  });
});
