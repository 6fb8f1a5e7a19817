import { GOSSIP_DEFAULTS } from '../engine/gossip/gossip.ts';

/** What a caller may choose of a scenario. */
export interface ScenarioOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Messages that nodes publish in the course of it. */
  readonly messages: number;
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  readonly lossRatio: number;
  /** Nodes that are killed and come back in the course of it. */
  readonly restarts: number;
  /** Connections that break in the course of it. */
  readonly linkBreaks: number;
}

/** What a run found. Programs rely on the first eight members; SIMULATOR.md tells of them. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly ok: boolean;
  /** How long the slowest delivery took, in rounds of {@link ROUND_MS}; the scenario says from when it counts. */
  readonly rounds: number;
  readonly deliveredRatio: number;
  readonly traceSha256: string;
  readonly violations: readonly string[];
  readonly counters: ScenarioCounters;
}

/** What a run took, for people and benchmarks. */
export interface ScenarioCounters {
  /** Virtual milliseconds from the beginning of the world to its end. */
  readonly virtualMs: number;
  /** Things that happened: arrivals, timers, answers. */
  readonly actions: number;
  readonly deliveries: number;
  /** Distinct signature checks really made. */
  readonly signatureChecks: number;
  readonly bytesSent: number;
  readonly heldMost: number;
}

/** A story that a world is led through, and what has to be true of it. */
export interface Scenario {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /** With fewer there is no such story. */
  readonly nodesMin: number;
  /** @param tell hears how far it is. Takes seconds to minutes: the caller's thread does nothing else meanwhile. */
  readonly run: (options: ScenarioOptions, tell?: (progress: string) => void) => Promise<ScenarioResult>;
}

/** A round is the time between two pulls of a node that has news: what figures in rounds are measured in. */
export const ROUND_MS = GOSSIP_DEFAULTS.pullMsMin;

export const SCENARIO_DEFAULTS: ScenarioOptions = Object.freeze({
  nodes: 100,
  seed: 1,
  messages: 10,
  latencyMsMin: 5,
  latencyMsMax: 60,
  lossRatio: 0,
  restarts: 0,
  linkBreaks: 0,
});
