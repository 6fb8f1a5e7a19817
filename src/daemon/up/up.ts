import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MeshError, messageOf, quotedPath } from '../../base/errors.ts';
import { makeDirectory, requireNoAuthority, requireNoNode } from '../directory.ts';
import { Fleet, type FleetNode } from './fleet.ts';
import { Story } from './story.ts';
import type { UpEvent, UpEventBody } from './up-event.ts';

export interface UpOptions {
  readonly nodes: number;
  /** Kept where given; else a temporary folder, removed at the end. */
  readonly directory?: string | undefined;
  /** Ends by itself after this, but not before the story is told. Absent: goes on until `signal`. */
  readonly forMs?: number | undefined;
  /** Ends everything in order, wherever it is. */
  readonly signal: AbortSignal;
  /** Ends everything at once: children are killed. */
  readonly impatient?: AbortSignal | undefined;
  readonly onEvent: (event: UpEvent) => void;
}

/** Name of the mesh on this machine. */
const MESH = 'demo';

/**
 * The main job: an authority and some nodes as real processes on loopback, and the story of one revoked. When this
 * returns no child is left, nothing goes on in the background, and the summary was the last that was told.
 *
 * @returns whether all of it happened, or the signal came first.
 * @throws ERR_DIR_EXISTS, ERR_CONFIG before anything is begun.
 */
export async function up(options: UpOptions): Promise<boolean> {
  const startedAt = performance.now();
  const clock = (): number => performance.now() - startedAt;
  const tell = (event: UpEventBody): void => options.onEvent({ ...event, t_ms: Math.round(clock()) });
  const directory = options.directory === undefined ? makeTemporary() : takeUnused(options.directory);
  const fleet = new Fleet(directory, MESH, options.nodes);
  const story = new Story(fleet, clock, options.signal, tell);
  options.impatient?.addEventListener('abort', () => fleet.kill(), { once: true });
  const telling = tellStory(fleet, story, tell).then(
    () => true,
    (error: unknown) => {
      story.fail(messageOf(error));
      return false;
    },
  );
  const isTold = await Promise.race([telling, aborted(options.signal)]);
  if (isTold === true) await pause(options, clock());
  await fleet.stop();
  await telling; // it fails at once where processes end under it
  if (options.directory === undefined) removeTemporary(directory, story);
  const summary = story.summary();
  tell(summary);
  return summary.ok;
}

/** Returns, or throws, when all that it began is done. */
async function tellStory(fleet: Fleet, story: Story, tell: (event: UpEventBody) => void): Promise<void> {
  await fleet.startAuthority(story);
  tell({
    event: 'authority-ready',
    url: fleet.url,
    mesh: fleet.mesh,
    pid: fleet.authorityPid,
    dir: fleet.authorityDirectory,
  });
  const starting = fleet.nodes.map((node) => enrollAndStart(fleet, story, node, tell));
  try {
    await Promise.all(starting);
  } catch (error) {
    await fleet.stop(); // one is missing: the others need not go on
    await Promise.allSettled(starting);
    throw error;
  }
  await story.run();
}

async function enrollAndStart(
  fleet: Fleet,
  story: Story,
  node: FleetNode,
  tell: (event: UpEventBody) => void,
): Promise<void> {
  await fleet.enroll(node);
  await node.start(story);
  const { nodeId, name, pid, directory, address } = node;
  tell({ event: 'node-enrolled', node_id: nodeId, name, pid, dir: directory, address });
}

function makeTemporary(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'chainmail-up-'));
  } catch (error) {
    throw new MeshError(
      'ERR_CONFIG',
      `no temporary folder can be made: ${messageOf(error)}`,
      'set TMPDIR to a folder that can be written, or choose one with --dir',
    );
  }
}

function removeTemporary(directory: string, story: Story): void {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    story.fail(`the temporary folder ${directory} cannot be removed: ${messageOf(error)}`);
  }
}

/** What was kept from an earlier time has nodes that are revoked: it is not taken up again. */
function takeUnused(directory: string): string {
  requireNoAuthority(directory);
  requireNoNode(directory);
  if (existsSync(join(directory, 'authority')) || existsSync(join(directory, 'nodes')))
    throw new MeshError(
      'ERR_DIR_EXISTS',
      `${quotedPath(directory)} holds a mesh already`,
      'choose another --dir, or remove it',
    );
  makeDirectory(directory);
  return directory;
}

/** The rest of the time that was asked for; for ever where none was. */
async function pause({ forMs, signal }: UpOptions, elapsedMs: number): Promise<void> {
  if (forMs === undefined) return aborted(signal);
  await delay(Math.max(0, forMs - elapsedMs), undefined, { signal }).catch(() => undefined); // the signal may come first
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
