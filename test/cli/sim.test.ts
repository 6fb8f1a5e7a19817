import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { SCENARIOS } from '../../src/sim/scenarios/table.ts';
import { chainmail } from '../support/processes/chainmail.ts';

interface SimOutput {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly ok: boolean;
  readonly rounds: number;
  readonly delivered_ratio: number;
  readonly trace_sha256: string;
  readonly violations: readonly string[];
}

async function sim(...args: readonly string[]): Promise<SimOutput> {
  const { code, stdout, stderr } = await chainmail(['sim', ...args, '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as SimOutput;
}

describe('chainmail sim', () => {
  it('tells what the contract promises, and equal arguments give an equal trace', async () => {
    const args = ['gossip', '--nodes', '20', '--seed', '7', '--loss', '10%', '--latency', '5ms-20ms'];
    const { trace_sha256, rounds, ...rest } = await sim(...args);
    const expected = { scenario: 'gossip', seed: 7, nodes: 20, ok: true, delivered_ratio: 1, violations: [] };
    for (const [name, value] of Object.entries(expected))
      assert.deepEqual(rest[name as keyof typeof rest], value, name);
    assert.ok(rounds > 0);
    assert.match(trace_sha256, /^[0-9a-f]{64}$/);
    assert.equal((await sim(...args)).trace_sha256, trace_sha256);
    assert.notEqual((await sim(...args, '--seed', '8')).trace_sha256, trace_sha256);
  });

  const page = readFileSync(new URL('../../docs/SIMULATOR.md', import.meta.url), 'utf8');
  const commands = Array.from(page.matchAll(/^\$ chainmail (sim .*)$/gm), ([, command]) => command as string);
  for (const command of commands.filter((one) => !one.includes('1000')))
    it(`runs as docs/SIMULATOR.md has it: ${command}`, async () => {
      const { code, stdout, stderr } = await chainmail(command.split(' '));
      assert.equal(code, 0, `${stdout}${stderr}`);
    });

  it('has an example of each story in docs/SIMULATOR.md, and its row', () => {
    for (const { name } of SCENARIOS) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'));
    assert.ok(commands.length >= 6);
  });

  it('prints a small table for people', async () => {
    const { code, stdout } = await chainmail(['sim', 'revocation', '--nodes', '8', '--messages', '2']);
    assert.equal(code, 0);
    assert.match(stdout, /^scenario +revocation, 8 nodes, seed 1$/m);
    assert.match(stdout, /^result +ok$/m);
  });

  it('takes the largest seed that it names', async () => {
    const { seed } = await sim('gossip', '--nodes', '2', '--messages', '1', '--seed', '9007199254740991');
    assert.equal(seed, Number.MAX_SAFE_INTEGER);
  });

  it('lists each scenario in its help, with the nodes that it needs', async () => {
    const { stdout } = await chainmail(['sim', '--help']);
    for (const { name, summary, nodesMin } of SCENARIOS)
      assert.ok(
        stdout.includes(`  ${name}${nodesMin > 1 ? ` (from ${nodesMin} nodes on)` : ''}\n      ${summary}\n`),
        name,
      );
  });

  it('says how many nodes a story needs at least', async () => {
    const { stderr } = await chainmail(['sim', 'liar', '--nodes', '2']);
    assert.match(stderr, /liar with 2 nodes: expected at least 4/);
  });

  for (const args of [
    [],
    ['nonsense'],
    ['gossip', '--nodes', '0'],
    ['gossip', '--nodes', '10001'],
    ['gossip', '--nodes', '100000'],
    ['partition-heal', '--nodes', '1'],
    ['flood', '--nodes', '3'],
    ['eclipse', '--nodes', '4'],
    ['gossip', '--seed', '-1'],
    ['gossip', '--seed', '9007199254740992'],
    ['gossip', '--seed', 'seven'],
    ['gossip', '--nodes', '1.5'],
    ['gossip', '--loss', '2'],
    ['gossip', '--loss', 'much'],
    ['gossip', '--latency', '60ms-5ms'],
    ['gossip', '--latency', '5'],
    ['gossip', '--bogus'],
  ])
    it(`refuses "sim ${args.join(' ')}" as wrong usage`, async () => {
      const { code, stdout, stderr } = await chainmail(['sim', ...args]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /chainmail/);
    });
});
