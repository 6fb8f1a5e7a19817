import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { exchange } from '../../../src/host/http/client.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { HonestMesh } from '../../support/hostile/honest-mesh.ts';
import { NodeProcess } from '../../support/processes/node-process.ts';

const ROUNDS = 5;
const LOOK_MS = 100;

describe('a directory that was copied (T24)', () => {
  const mesh = HonestMesh.ofSuite(2);

  const copyOf = (node: NodeProcess, name: string): NodeProcess => {
    const dir = join(mesh.authority.folder, name);
    cpSync(node.dir, dir, { recursive: true, preserveTimestamps: true });
    return NodeProcess.at(dir);
  };

  async function enrolled(t: TestContext, name: string): Promise<NodeProcess> {
    const { folder, authorityDir } = mesh.authority;
    const node = await NodeProcess.enroll(folder, name, authorityDir);
    t.after(() => node.end('SIGKILL'));
    return node;
  }

  /** Alarms of a node in the authority's log. */
  async function alarmsOf(nodeId: string): Promise<number> {
    const { body } = await exchange(
      { tag: 'socket', path: controlSocketOf(mesh.authority.authorityDir) },
      { method: 'GET', path: '/v1/audit' },
    );
    const { entries } = JSON.parse(new TextDecoder().decode(body)) as {
      readonly entries: readonly { readonly action: string; readonly subject: string }[];
    };
    return entries.filter(({ action, subject }) => action === 'clone-alarm' && subject === nodeId).length;
  }

  /** Each says something in turn. @returns the ids. */
  async function say(...nodes: readonly NodeProcess[]): Promise<Set<string>> {
    const ids = new Set<string>();
    for (let round = 0; round < ROUNDS; round++)
      for (const node of nodes) {
        const { status, json } = await node.publish(`round ${round} of ${node.dir}`);
        assert.equal(status, 201, JSON.stringify(json));
        ids.add(String(json['message_id']));
      }
    return ids;
  }

  it('and runs twice is told to the authority, and nothing of either is lost', async (t) => {
    const one = await enrolled(t, 'one');
    await one.run();
    await one.linkedWith(...mesh.nodes);
    const before = await say(one);
    await one.end();
    const two = copyOf(one, 'two');
    t.after(() => two.end('SIGKILL'));
    // At once: one that has heard of the other before it signs its record says nothing twice, and no alarm is due.
    await Promise.all([one.run(), two.run()]);
    assert.equal(one.nodeId, two.nodeId);
    const ids = (await say(one, two, ...mesh.nodes)).union(before);
    for (const node of [...mesh.nodes, one, two]) await node.untilListed(ids);
    // The two share one place at each peer, so that it may take both some time to hear of the other.
    while ((await alarmsOf(one.nodeId)) === 0) await setTimeout(LOOK_MS);
    await mesh.isWell();
  });

  it('and is put back later goes on in a stream of its own, hears what it had forgotten, and is no alarm', async (t) => {
    const node = await enrolled(t, 'node');
    await node.run();
    await node.linkedWith(...mesh.nodes);
    const early = await say(node);
    await node.end();
    const backup = copyOf(node, 'backup');
    t.after(() => backup.end('SIGKILL'));
    await node.run();
    await node.linkedWith(...mesh.nodes);
    const late = await say(node, ...mesh.nodes);
    await mesh.victim.untilListed(late);
    await node.end('SIGKILL');
    await backup.run();
    await backup.linkedWith(...mesh.nodes);
    const ids = (await say(backup)).union(early).union(late);
    for (const other of [backup, ...mesh.nodes]) await other.untilListed(ids);
    assert.equal(await alarmsOf(backup.nodeId), 0);
    await mesh.isWell();
  });
});
