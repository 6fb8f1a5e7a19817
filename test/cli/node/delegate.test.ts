import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fromHex, toBase64, toHex } from '../../../src/base/bytes.ts';
import { addScalarToPoint } from '../../../src/crypto/curve/curve-point.ts';
import { addScalars, negateScalar } from '../../../src/crypto/curve/scalar.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { branchPath } from '../../../src/identity/delegate/branch.ts';
import { ckdPriv, ckdPub, derivePrivate, masterKeyOf } from '../../../src/identity/key-tree/child-key.ts';
import { seedOfMnemonic } from '../../../src/identity/key-tree/mnemonic.ts';
import { parseMeshName } from '../../../src/identity/mesh-name.ts';
import { suiteAuthority } from '../../support/processes/authority-process.ts';
import { chainmail, type ToldError } from '../../support/processes/chainmail.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';

const { folder, authorityDir } = suiteAuthority();

let count = 0;
async function running(t: Pick<TestContext, 'after'>, ticket: object = {}): Promise<NodeProcess> {
  const node = await NodeProcess.enroll(folder, `n${++count}`, authorityDir, ticket);
  t.after(() => node.end('SIGKILL'));
  await node.run();
  return node;
}

async function told(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await chainmail([...args, '--json']);
  assert.equal(code, 1, `${args.join(' ')}: ${stdout}${stderr}`);
  return (JSON.parse(stdout) as ToldError).error.code;
}

interface Device {
  readonly key: string;
  readonly statement: string;
  readonly id: string;
}

/** A device makes its key, and the authority vouches for it. */
async function device(node: NodeProcess, name: string, ...scope: readonly string[]): Promise<Device> {
  const key = join(folder, `${name}.key`);
  const statement = join(folder, `${name}.delegate`);
  const made = await told('delegate', 'key', '--out', key);
  const issued = await told(
    'delegate',
    'issue',
    '--dir',
    authorityDir,
    '--node-id',
    node.nodeId,
    '--key',
    String(made['key']),
    '--out',
    statement,
    ...scope.flatMap((entry) => ['--scope', entry]),
  );
  return { key, statement, id: String(issued['id']) };
}

const reading = join(folder, 'reading');
writeFileSync(reading, '21.5');

function publish(node: NodeProcess, { key, statement }: Pick<Device, 'key' | 'statement'>, type: string): string[] {
  return ['publish', '--dir', node.dir, '--type', type, '--delegate', statement, '--delegate-key', key, reading];
}

/** Once the command is refused with this code; nodes ask the authority every second. */
async function untilRefused(args: readonly string[], expected: string): Promise<void> {
  for (;;) {
    const { code, stdout } = await chainmail([...args, '--json']);
    if (code === 0) continue;
    const { error } = JSON.parse(stdout) as ToldError;
    assert.equal(error.code, expected);
    return;
  }
}

/** Once the command is done: a branch that was just published may not have come here. */
async function untilDone(args: readonly string[]): Promise<string> {
  for (;;) {
    const { code, stdout } = await chainmail([...args, '--json']);
    if (code === 0) return (JSON.parse(stdout) as { message_id: string }).message_id;
    const { error } = JSON.parse(stdout) as ToldError;
    assert.equal(error.code, 'ERR_DELEGATE_BRANCH', error.message);
  }
}

describe('delegates of running nodes', () => {
  it('a device’s key speaks for its node as far as its scope goes, until it is revoked', async (t) => {
    const [a, b] = [await running(t), await running(t)];
    await b.linkedWith(a);
    const sensor = await device(a, 'sensor', 'publish:sensor/temperature');
    const first = await untilDone(publish(a, sensor, 'sensor/temperature'));
    assert.ok(first.startsWith(`${a.nodeId}.`), 'in its node’s name');
    await b.untilListed(new Set([first]));
    assert.equal(await refused(...publish(a, sensor, 'sensor/humidity')), 'ERR_MESSAGE_NOT_PERMITTED');
    assert.equal(await refused(...publish(a, sensor, 'command/stop')), 'ERR_MESSAGE_NOT_PERMITTED');

    // It may be handed in anywhere: what counts is the statement. B has seen it by now.
    const elsewhere = (await told(...publish(b, sensor, 'sensor/temperature')))['message_id'];
    await a.untilListed(new Set([String(elsewhere)]));

    await told('delegate', 'revoke', '--dir', authorityDir, '--id', sensor.id);
    for (const node of [a, b]) await untilRefused(publish(node, sensor, 'sensor/temperature'), 'ERR_DELEGATE_REVOKED');
    await b.end();
    await b.run();
    assert.equal(await refused(...publish(b, sensor, 'sensor/temperature')), 'ERR_DELEGATE_REVOKED', 'after a restart');
  });

  it('a device that cannot make keys gets a subtree; captured, it signs its scope until the list says so', async (t) => {
    const [a, b] = [await running(t), await running(t)];
    await b.linkedWith(a);
    // Its whole directory: one private key, one statement.
    const directory = join(folder, 'device');
    mkdirSync(directory, { mode: 0o700 });
    const [key, statement] = [join(directory, 'sensor.key'), join(directory, 'sensor.delegate')];
    const made = await told('key', 'subtree', '--dir', authorityDir, '--out', key);
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const issue = ['delegate', 'issue', '--dir', authorityDir, '--node-id', a.nodeId, '--scope', 'publish:sensor/a'];
    const issued = await told(...issue, '--key', String(made['xpub']), '--out', statement);
    const sensor = { key, statement };
    const first = await untilDone(publish(a, sensor, 'sensor/a'));
    assert.ok(first.startsWith(`${a.nodeId}.`), 'in its node’s name');
    await b.untilListed(new Set([first]));
    assert.equal(await refused(...publish(b, sensor, 'sensor/b')), 'ERR_MESSAGE_NOT_PERMITTED');
    const other = await device(a, 'another', 'publish:sensor/a');
    assert.equal(await refused(...publish(b, { key, statement: other.statement }, 'sensor/a')), 'ERR_DELEGATE_KEY');

    const xpub = async (path: string): Promise<string> => {
      const out = join(folder, `${path.replaceAll('/', '_')}.xpub`);
      await told('key', 'export', '--dir', authorityDir, '--path', path, '--out', out);
      return readFileSync(out, 'utf8').trim();
    };
    assert.equal(await xpub(String(made['path'])), made['xpub'], 'the tree makes it again');
    const plain = String(made['path']).slice(0, -1);
    assert.equal(
      await refused(...issue, '--key', await xpub(plain), '--out', join(folder, 'plain.delegate')),
      'ERR_DELEGATE_KEY',
      'a subtree that would give the branch away',
    );
    assert.equal(
      await refused(...issue, '--key', readFileSync(key, 'utf8').trim(), '--out', join(folder, 'x.delegate')),
      'ERR_DELEGATE_KEY',
    );

    await told('delegate', 'revoke', '--dir', authorityDir, '--id', String(issued['id']));
    for (const node of [a, b]) await untilRefused(publish(node, sensor, 'sensor/a'), 'ERR_DELEGATE_REVOKED');
    for (const node of [a, b]) assert.equal((await node.listed()).has(first), false, 'what it said is dropped');
  });

  it('nothing is issued, exported or made where the output file exists', async (t) => {
    const a = await running(t);
    const taken = join(folder, 'taken');
    writeFileSync(taken, 'mine');
    const { key } = await told('delegate', 'key', '--out', join(folder, 'for-taken.key'));
    const state = async (): Promise<unknown> => {
      const { delegates } = await told('delegate', 'show', '--dir', authorityDir);
      const { entries } = (await told('audit', 'list', '--dir', authorityDir)) as { entries: { action: string }[] };
      const acts = entries.filter(({ action }) => /^(?:delegate|key-tree|branch)-/.test(action));
      return [(delegates as unknown[]).length, acts];
    };
    const before = await state();
    const at = ['--dir', authorityDir, '--out', taken];
    const issue = ['delegate', 'issue', '--node-id', a.nodeId, '--key', String(key), '--scope', 'relay'];
    assert.equal(await refused(...issue, ...at), 'ERR_FILE_EXISTS');
    assert.equal(await refused('key', 'export', ...at), 'ERR_FILE_EXISTS');
    assert.equal(await refused('key', 'subtree', ...at), 'ERR_FILE_EXISTS');
    const nowhere = join(folder, 'no-such-folder', 'file');
    assert.equal(await refused('key', 'export', '--dir', authorityDir, '--out', nowhere), 'ERR_CONFIG');
    assert.deepEqual(await state(), before);
    assert.equal(readFileSync(taken, 'utf8'), 'mine');
    const free = join(folder, 'free-again');
    assert.equal(
      await refused(...issue.slice(0, -1), 'publish:other', '--dir', authorityDir, '--out', free),
      'ERR_DELEGATE_SCOPE',
    );
    assert.equal(existsSync(free), false, 'the name is free again where nothing was issued');
  });

  it('a name that goes to another key takes no device of its former holder along', async (t) => {
    const [former, b] = [await running(t, { node_id: 'pump-1' }), await running(t)];
    await b.linkedWith(former);
    const old = await device(former, 'former', 'publish:sensor/a');
    const said = await untilDone(publish(former, old, 'sensor/a'));
    await b.untilListed(new Set([said]));
    await former.end();
    const holder = await running(t, { node_id: 'pump-1', rebind: true });
    await holder.linkedWith(b);
    await holder.publish('here');
    for (const node of [b, holder]) await untilRefused(publish(node, old, 'sensor/a'), 'ERR_DELEGATE_REVOKED');
    assert.equal((await b.listed()).has(said), false, 'what it said is dropped');
    const fresh = await device(holder, 'holder', 'publish:sensor/a');
    await untilDone(publish(b, fresh, 'sensor/a'));
  });

  it('what a statement says of itself is shown as unchecked; verify finds that it was changed', async (t) => {
    const a = await running(t);
    const { statement } = await device(a, 'shown', 'publish:sensor/a');
    const changed = join(folder, 'changed.delegate');
    const [head = '', ...body] = readFileSync(statement, 'utf8').split('\n');
    const bytes = Buffer.from(
      body
        .slice(
          0,
          body.findIndex((line) => line.startsWith('-----')),
        )
        .join(''),
      'base64',
    );
    bytes[16] = (bytes[16] as number) ^ 1; // of its id
    writeFileSync(
      changed,
      `${head}\n${bytes.toString('base64')}\n${body.filter((line) => line.startsWith('-----'))[0]}\n`,
    );
    const shown = await told('delegate', 'show', changed, '--mesh', 'depot');
    assert.equal(shown['signature'], 'not checked');
    assert.match((await chainmail(['delegate', 'show', changed])).stdout, /^signature +not checked$/m);
    const files = ['--mesh', 'depot', '--ca', join(a.dir, 'ca.pem')];
    const crl = join(folder, 'list.crl');
    const published = await exchange(
      { tag: 'socket', path: controlSocketOf(authorityDir) },
      { method: 'GET', path: '/v1/crl' },
    );
    writeFileSync(crl, published.body);
    assert.equal((await chainmail(['verify', statement, ...files, '--crl', crl])).code, 0);
    const verdict = await chainmail(['verify', changed, ...files, '--crl', crl, '--json']);
    assert.equal(verdict.code, 1);
    assert.match(verdict.stdout, /ERR_DELEGATE_SIGNATURE/);
  });

  it('a wallet’s device commands, where the authority lets the wallet in', async (t) => {
    const [a, b] = [await running(t), await running(t)];
    await b.linkedWith(a);
    const walletKey = join(folder, 'wallet.key');
    writeFileSync(walletKey, `0x${'11'.repeat(32)}\n`, { mode: 0o600 });
    const key = join(folder, 'operator.key');
    const statement = join(folder, 'operator.delegate');
    const made = await told('delegate', 'key', '--out', key, '--curve', 'secp256k1');
    const signed = await told(
      ...['delegate', 'sign', '--wallet-key', walletKey, '--key', String(made['key'])].concat('--out', statement),
    );
    const operator = { key, statement };
    const subtree =
      'xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8';
    const vouched = ['delegate', 'sign', '--wallet-key', walletKey, '--key', subtree, '--out', join(folder, 'none')];
    assert.equal(await refused(...vouched), 'ERR_DELEGATE_KEY', 'nobody signs with the key of a subtree itself');
    assert.equal(await refused(...publish(a, operator, 'command/stop')), 'ERR_DELEGATE_BRANCH');
    const wallet = String(signed['node_id']);
    assert.match(wallet, /^0x[0-9a-f]{40}$/);
    await told('delegate', 'issue', '--dir', authorityDir, '--wallet', wallet, '--scope', 'command:issue');
    const command = await untilDone(publish(a, operator, 'command/stop'));
    assert.ok(command.startsWith(`${wallet}.`));
    await b.untilListed(new Set([command]));
    assert.equal(await refused(...publish(a, operator, 'sensor/a')), 'ERR_MESSAGE_NOT_PERMITTED');
    // The wallet itself takes back what it has signed; the authority only passes it on (S3.15).
    const epoch = join(folder, 'wallet.epoch');
    await told('stream', 'revoke', '--wallet-key', walletKey, '--out', epoch);
    await told('delegate', 'revoke', '--dir', authorityDir, '--statement', epoch);
    for (const node of [a, b]) {
      await untilRefused(publish(node, operator, 'command/stop'), 'ERR_DELEGATE_EPOCH');
      assert.equal((await node.listed()).has(command), false, 'what it said is dropped');
    }
    const renewed = join(folder, 'renewed.delegate');
    const sign = ['delegate', 'sign', '--wallet-key', walletKey, '--key', String(made['key']), '--ttl', '30d'];
    await told(...sign, '--out', renewed);
    await told(...publish(a, { key, statement: renewed }, 'command/stop'));
    await told('delegate', 'revoke', '--dir', authorityDir, '--statement', renewed);
    await untilRefused(publish(a, { key, statement: renewed }, 'command/stop'), 'ERR_DELEGATE_REVOKED');
    await told('delegate', 'revoke', '--dir', authorityDir, '--wallet', wallet);
    assert.equal(
      await refused('ticket', 'create', '--dir', authorityDir, '--node-id', wallet, '--out', join(folder, 'x')),
      'ERR_NODE_ID',
    );
  });

  it('a node obeys the wallets of its own policy only, and passes on what it does not obey', async (t) => {
    const [a, deaf] = [await running(t), await running(t)];
    await deaf.end();
    const policy = join(deaf.dir, 'chainmail.yaml');
    const defaults = readFileSync(policy, 'utf8');
    const obey = async (...wallets: readonly string[]): Promise<void> => {
      await deaf.end();
      writeFileSync(policy, `${defaults}\nwallets: ${JSON.stringify(wallets)}\n`);
      await deaf.run();
      await deaf.linkedWith(a);
    };
    const walletKey = join(folder, 'wallet2.key');
    writeFileSync(walletKey, `0x${'22'.repeat(32)}\n`, { mode: 0o600 });
    const key = join(folder, 'operator2.key');
    const statement = join(folder, 'operator2.delegate');
    const made = await told('delegate', 'key', '--out', key, '--curve', 'secp256k1');
    const sign = ['delegate', 'sign', '--wallet-key', walletKey, '--key', String(made['key'])];
    const signed = await told(...sign, '--out', statement);
    const wallet = String(signed['node_id']);
    await told('delegate', 'issue', '--dir', authorityDir, '--wallet', wallet, '--scope', 'command:issue');
    await obey();
    const stop = await untilDone(publish(a, { key, statement }, 'command/stop'));
    const start = await untilDone(publish(a, { key, statement }, 'command/start'));
    // What came after the commands is listed, and they are not.
    const { json } = await a.publish('after');
    await deaf.untilListed(new Set([String(json['message_id'])]));
    const heard = async (): Promise<string[]> =>
      [...(await deaf.listed())].filter((id) => id.startsWith(wallet)).toSorted();
    assert.deepEqual(await heard(), []);
    await obey('0x0000000000000000000000000000000000000001', '* command:issue/stop');
    await deaf.untilListed(new Set([stop]));
    assert.deepEqual(await heard(), [stop], 'as far as the policy goes');
    await obey(wallet, '* command:issue/stop');
    await deaf.untilListed(new Set([stop, start]));
    await obey(`${wallet} publish:sensor/*`);
    assert.deepEqual(await heard(), []);
  });

  it('everything below an epoch is void, and devices with new statements go on', async (t) => {
    const a = await running(t);
    const old = await device(a, 'old', 'publish:sensor/*');
    await untilDone(publish(a, old, 'sensor/a'));
    const { epoch_floor, branches } = await told('delegate', 'show', '--dir', authorityDir);
    const epoch = (branches as { epoch: number }[]).at(-1)?.epoch ?? 0;
    assert.ok(Number(epoch_floor) <= epoch);
    await told('delegate', 'revoke', '--dir', authorityDir, '--below-epoch', String(epoch + 1));
    await untilRefused(publish(a, old, 'sensor/a'), 'ERR_DELEGATE_EPOCH');
    const fresh = await device(a, 'fresh', 'publish:sensor/*');
    await untilDone(publish(a, fresh, 'sensor/a'));
  });

  // T1. The key of a child with the branch's public key gives the branch away, so it must be nowhere.
  it('no key of the tree lies anywhere on the authority or the nodes (T1)', async (t) => {
    const a = await running(t);
    const sensor = await device(a, 'searched', 'publish:sensor/*');
    const message = await untilDone(publish(a, sensor, 'sensor/a'));
    await a.untilListed(new Set([message]));
    const words = join(folder, 'master.words');
    await told('key', 'export', '--dir', authorityDir, '--out', words);
    const mnemonic = readFileSync(words, 'utf8');
    rmSync(words);
    const { delegates, branches } = (await told('delegate', 'show', '--dir', authorityDir)) as {
      delegates: { epoch?: number; index?: number; public_key: string }[];
      branches: { epoch: number }[];
    };
    writeFileSync(join(folder, 'shown.json'), JSON.stringify({ delegates, branches }));
    await told('key', 'export', '--dir', authorityDir, '--path', 'm', '--out', join(folder, 'master.xpub'));
    cpSync(authorityDir, join(folder, 'backup'), { recursive: true, filter: (path) => !statSync(path).isSocket() });
    writeFileSync(join(folder, 'node.log'), a.stderr);
    const master = seedOfMnemonic(mnemonic).use((seed) => masterKeyOf('secp256k1', seed));
    const mesh = parseMeshName('depot');
    const secrets = new Map<string, Uint8Array>();
    for (const { epoch } of branches) {
      const branch = derivePrivate(master, branchPath(mesh, epoch));
      branch.privateKey.use((key) => secrets.set(`branch ${epoch}`, key.slice()));
      for (const one of delegates)
        if (one.epoch === epoch && one.index !== undefined)
          ckdPriv(branch, one.index).privateKey.use((key) => secrets.set(`child ${epoch}/${one.index}`, key.slice()));
    }
    assert.ok(secrets.size > branches.length, 'there are children to look for');
    const files = filesUnder(folder);
    assert.ok(files.length > 20);
    for (const [name, secret] of secrets) assert.deepEqual(holdersOf(files, secret), [], `${name} lies in a file`);
    // The search finds what there is: the device's public key, in the store and what was shown.
    const publicKey = fromHex(delegates[0]?.public_key ?? '');
    const found = holdersOf(files, publicKey).map((path) => path.slice(folder.length));
    assert.ok(
      found.some((path) => path.startsWith('/authority/authority.db')),
      found.join(),
    );
    assert.ok(found.includes('/shown.json'));

    // The naive scheme beside it: one child's key on a device, and the whole branch is an attacker's.
    const [{ epoch }] = branches.slice(-1) as [{ epoch: number }];
    const branch = derivePrivate(master, branchPath(mesh, epoch));
    const onDevice = ckdPriv(branch, 0).privateKey.use((key) => key.slice());
    let left: Uint8Array | undefined;
    ckdPub(branch.public, 0, (curve, point, scalar) => addScalarToPoint(curve, point, (left = scalar.slice())));
    const stolen = addScalars('secp256k1', onDevice, negateScalar('secp256k1', left as Uint8Array));
    assert.equal(
      toHex(stolen),
      branch.privateKey.use((key) => toHex(key)),
    );
  });

  it('the master key goes into another authority by its words, and branches come out the same', async () => {
    const words = join(folder, 'moved.words');
    await told('key', 'export', '--dir', authorityDir, '--out', words);
    const other = join(folder, 'other');
    mkdirSync(other, { mode: 0o700 });
    writeFileSync(join(other, 'passphrase'), 'another\n', { mode: 0o600 });
    await told('authority', 'init', '--dir', other, '--mesh', 'depot');
    await told('key', 'import', '--dir', other, '--mnemonic-file', words);
    assert.equal(await refused('key', 'import', '--dir', other, '--mnemonic-file', words), 'ERR_DIR_EXISTS');
    const xpub = async (dir: string, out: string): Promise<string> => {
      await told('key', 'export', '--dir', dir, '--path', "m/4409421'", '--out', join(folder, out));
      return readFileSync(join(folder, out), 'utf8');
    };
    assert.equal(await xpub(other, 'one.xpub'), await xpub(authorityDir, 'two.xpub'));
    const { branches } = (await told('delegate', 'show', '--dir', authorityDir)) as { branches: { path: string }[] };
    const child = `${branches[0]?.path}/0`;
    const out = join(folder, 'child.xprv');
    assert.equal(
      await refused('key', 'export', '--dir', authorityDir, '--path', child, '--private', '--out', out),
      'ERR_KEY_EXPORT',
    );
  });
});

function filesUnder(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Files in which these bytes stand, as they are, in hex or in base64. */
function holdersOf(files: readonly string[], secret: Uint8Array): readonly string[] {
  const forms = [
    Buffer.from(secret),
    Buffer.from(toHex(secret)),
    Buffer.from(toHex(secret).toUpperCase()),
    Buffer.from(toBase64(secret).replace(/=+$/, '').slice(0, -1)),
  ];
  return files.filter((path) => {
    const content = readFileSync(path);
    return forms.some((form) => content.includes(form));
  });
}
