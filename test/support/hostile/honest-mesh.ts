import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { type SuiteAuthority, suiteAuthority } from '../processes/authority-process.ts';
import { NodeProcess } from '../processes/node-process.ts';
import { type EnrolledByHand, enrollByHand } from './enroll-by-hand.ts';

/** What a process may grow by, whatever it is sent: less than the attacks of one suite would fill. */
const GROWTH_MEBIBYTES_MAX = 250;

/** Honest nodes as real processes, linked with each other, that hostile members and strangers come to. */
export class HonestMesh {
  readonly authority: SuiteAuthority;
  readonly nodes: NodeProcess[] = [];
  readonly #rssBefore = new Map<NodeProcess, number>();
  #said = 0;

  private constructor(authority: SuiteAuthority) {
    this.authority = authority;
  }

  /**
   * To be asked for at the top of a `describe`; the nodes run from the first test of the suite to the last.
   * @param crlPoll how often the victim asks the authority.
   */
  static ofSuite(count = 3, crlPoll = '1s'): HonestMesh {
    const mesh = new HonestMesh(suiteAuthority());
    before(async () => {
      const { folder, authorityDir } = mesh.authority;
      const names = Array.from({ length: count }, (_, i) => `honest-${i}`);
      mesh.nodes.push(...(await Promise.all(names.map((name) => NodeProcess.enroll(folder, name, authorityDir)))));
      mesh.victim.crlPoll = crlPoll;
      for (const node of mesh.nodes) await node.run();
      await mesh.isWhole();
      for (const node of mesh.nodes) mesh.#rssBefore.set(node, mebibytesOf(node));
    });
    after(() => Promise.all(mesh.nodes.map((node) => node.end('SIGKILL'))));
    return mesh;
  }

  /** The node that is attacked. */
  get victim(): NodeProcess {
    return this.nodes[0] as NodeProcess;
  }

  /** A hostile member, with a genuine certificate. */
  member(): Promise<EnrolledByHand> {
    return enrollByHand(this.authority.authorityDir, this.authority.url);
  }

  /** Waits until each is linked with all others. */
  async isWhole(): Promise<void> {
    for (const [i, node] of this.nodes.entries()) await node.linkedWith(...this.nodes.slice(0, i));
  }

  /** Each says something and all hear it, they are linked as before, and none has grown out of bounds. */
  async isWell(): Promise<void> {
    const said = new Set<string>();
    for (const node of this.nodes) {
      const { status, json } = await node.publish(`all is well ${this.#said++}`);
      assert.equal(status, 201, JSON.stringify(json));
      said.add(String(json['message_id']));
    }
    for (const node of this.nodes) await node.untilListed(said);
    await this.isWhole();
    for (const [node, before] of this.#rssBefore) {
      const grown = mebibytesOf(node) - before;
      assert.ok(grown < GROWTH_MEBIBYTES_MAX, `a node has grown by ${grown} MiB`);
    }
  }

  /** What a node counts. */
  async statusOf(node: NodeProcess): Promise<Readonly<Record<string, unknown>>> {
    const { json } = await node.ask({ method: 'GET', path: '/v1/status' });
    return json;
  }
}

function mebibytesOf({ pid }: NodeProcess): number {
  const [, kibibytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1_024;
}
