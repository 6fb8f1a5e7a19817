import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { requireNoAuthority, requireNoNode } from '../directory.ts';
import { Fleet, type FleetNode } from './fleet.ts';
import { Story } from './story.ts';
import type { UpEvent, UpEventBody } from './up-event.ts';

export interface UpOptions {
  readonly nodes: number;
  /** Kept where given; else a temporary folder, removed at the end. */
  readonly directory?: string | undefined;
  /** Ends by itself after this, but not before the story is told. Absent: goes on until `signal`. */
  readonly forMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: UpEvent) => void;
}

/** Name of the mesh on this machine. */
const MESH = 'demo';

/**
 * The main job: an authority and some nodes as real processes on loopback, and the story of one revoked.
 *
 * @returns whether all of it happened, or the signal came first.
 */
export async function up(options: UpOptions): Promise<boolean> {
  const startedAt = performance.now();
  const clock = (): number => performance.now() - startedAt;
  const tell = (event: UpEventBody): void => options.onEvent({ ...event, t_ms: Math.round(clock()) });
  if (options.directory !== undefined) requireUnused(options.directory);
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'chainmail-up-'));
  const fleet = new Fleet(directory, MESH, options.nodes);
  const story = new Story(fleet, clock, tell);
  try {
    await Promise.race([tellStory(fleet, story, tell), aborted(options.signal)]);
    if (!options.signal.aborted) await pause(options, clock());
  } catch (error) {
    story.fail(messageOf(error));
  } finally {
    await fleet.stop();
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 }); // a child may write its last
  }
  const summary = story.summary();
  tell(summary);
  return summary.ok;
}

async function tellStory(fleet: Fleet, story: Story, tell: (event: UpEventBody) => void): Promise<void> {
  await fleet.startAuthority();
  tell({
    event: 'authority-ready',
    url: fleet.url,
    mesh: fleet.mesh,
    pid: fleet.authorityPid,
    dir: fleet.authorityDirectory,
  });
  await Promise.all(fleet.nodes.map((node) => enrollAndStart(fleet, story, node, tell)));
  await story.run();
  tell({ event: 'story-told', dir: fleet.directory });
}

async function enrollAndStart(
  fleet: Fleet,
  story: Story,
  node: FleetNode,
  tell: (event: UpEventBody) => void,
): Promise<void> {
  await fleet.enroll(node);
  await node.start(story.handleEvent);
  const { nodeId, name, pid, directory, address } = node;
  tell({ event: 'node-enrolled', node_id: nodeId, name, pid, dir: directory, address });
}

/** What was kept from an earlier time has nodes that are revoked: it is not taken up again. */
function requireUnused(directory: string): void {
  requireNoAuthority(directory);
  requireNoNode(directory);
  if (existsSync(join(directory, 'authority')) || existsSync(join(directory, 'nodes')))
    throw new MeshError(
      'ERR_DIR_EXISTS',
      `${quoted(directory)} holds a mesh already`,
      'choose another --dir, or remove it',
    );
}

/** The rest of the time that was asked for; for ever where none was. */
async function pause({ forMs, signal }: UpOptions, elapsedMs: number): Promise<void> {
  if (forMs === undefined) return aborted(signal);
  const timer = new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, forMs - elapsedMs)));
  await Promise.race([timer, aborted(signal)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
