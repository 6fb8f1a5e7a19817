import { Argument, type Command, InvalidArgumentError } from 'commander';
import { MeshError } from '../../base/errors.ts';
import { parseDuration } from '../../base/duration.ts';
import { SCENARIO_DEFAULTS, type ScenarioResult } from '../../sim/scenario.ts';
import { SCENARIOS } from '../../sim/scenarios/table.ts';
import { act, addCommand, integerOption } from '../command.ts';
import { EXIT_REFUSED } from '../output.ts';
import { renderTable } from '../table.ts';

/** Nodes of one world: so many take 1.5 GB and a minute. */
export const SIM_NODES_MAX = 10_000;
/** Messages of one world; each costs some 0.3 ms a node. */
export const SIM_MESSAGES_MAX = 10_000;
/** Restarts, and broken links. */
export const SIM_DISTURBANCES_MAX = 10_000;
/** Longest way of a piece: beyond a minute links are given up as silent. */
export const LATENCY_MS_MAX = 60_000;

const HOW_IT_ENDS = `Exit code 0 where nothing was found that must not be, else 1, with all that was.
A round is a second of virtual time. docs/SIMULATOR.md: what checkers look at.`;

interface LatencyRange {
  readonly minMs: number;
  readonly maxMs: number;
}

interface SimOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly messages: number;
  readonly latency?: LatencyRange;
  readonly loss?: number;
  readonly restarts: number;
  readonly breaks: number;
}

/** `chainmail sim` */
export function register(program: Command): void {
  addCommand(
    program,
    'sim',
    'run the code of the nodes in a simulated world, on virtual time, and check what must hold',
    'chainmail sim gossip --nodes 1000 --seed 7\nchainmail sim flood --nodes 100 --json\nchainmail sim partition-heal --loss 10% --restarts 5 --json',
  )
    .addArgument(new Argument('<scenario>', 'which story, as listed below').choices(SCENARIOS.map(({ name }) => name)))
    .addHelpText('after', `\nScenarios:\n${scenarioList()}\n\n${HOW_IT_ENDS}`)
    .option('--nodes <n>', 'nodes of the mesh', integerOption(1, SIM_NODES_MAX), SCENARIO_DEFAULTS.nodes)
    .option(
      '--seed <n>',
      'what all chance follows from: equal arguments, equal history',
      integerOption(0, Number.MAX_SAFE_INTEGER),
      SCENARIO_DEFAULTS.seed,
    )
    .option(
      '--messages <n>',
      'messages that nodes publish',
      integerOption(0, SIM_MESSAGES_MAX),
      SCENARIO_DEFAULTS.messages,
    )
    .option('--loss <share>', 'pushes and pulls that are lost, as 10% or 0.1 (default: none)', shareOption)
    .option('--latency <span>', 'one way, as 20ms or 5ms-60ms (default: 5ms-60ms)', latencyOption)
    .option(
      '--restarts <n>',
      'nodes killed and started again',
      integerOption(0, SIM_DISTURBANCES_MAX),
      SCENARIO_DEFAULTS.restarts,
    )
    .option('--breaks <n>', 'links broken', integerOption(0, SIM_DISTURBANCES_MAX), SCENARIO_DEFAULTS.linkBreaks)
    .action(
      act<SimOptions>(async ({ output, options, args }) => {
        const scenario = SCENARIOS.find(({ name }) => name === args[0]);
        if (scenario === undefined) throw new Error(`no scenario ${args[0]}`); // commander has checked it
        if (options.nodes < scenario.nodesMin)
          throw new MeshError(
            'ERR_USAGE',
            `${scenario.name} with ${options.nodes} nodes: expected at least ${scenario.nodesMin}`,
          );
        const { nodes, seed, messages, restarts, breaks: linkBreaks, latency, loss: lossRatio = 0 } = options;
        const latencyMsMin = latency?.minMs ?? SCENARIO_DEFAULTS.latencyMsMin;
        const latencyMsMax = latency?.maxMs ?? SCENARIO_DEFAULTS.latencyMsMax;
        const chosen = { nodes, seed, messages, restarts, linkBreaks, latencyMsMin, latencyMsMax, lossRatio };
        const result = await scenario.run(chosen, (progress) => output.note(progress));
        output.result(jsonOf(result), textOf(result));
        if (!result.ok) process.exitCode = EXIT_REFUSED;
      }),
    );
}

/** Each scenario with what it needs and what it is about. */
function scenarioList(): string {
  return SCENARIOS.map(({ name, summary, nodesMin }) => {
    const needs = nodesMin > 1 ? ` (from ${nodesMin} nodes on)` : '';
    return `  ${name}${needs}\n      ${summary}`;
  }).join('\n');
}

function jsonOf({ deliveredRatio, traceSha256, counters, ...rest }: ScenarioResult): object {
  return {
    ...rest,
    delivered_ratio: deliveredRatio,
    trace_sha256: traceSha256,
    counters: {
      virtual_ms: counters.virtualMs,
      actions: counters.actions,
      deliveries: counters.deliveries,
      signature_checks: counters.signatureChecks,
      bytes_sent: counters.bytesSent,
      held_most: counters.heldMost,
    },
  };
}

function textOf({
  scenario,
  seed,
  nodes,
  ok,
  rounds,
  deliveredRatio,
  traceSha256,
  violations,
  counters,
}: ScenarioResult): string {
  const rows = [
    ['scenario', `${scenario}, ${nodes} nodes, seed ${seed}`],
    ['result', ok ? 'ok' : `${violations.length} violations`],
    ['delivered', `${(100 * deliveredRatio).toFixed(2)} %, ${counters.deliveries} deliveries`],
    ['rounds', `${rounds}, of a second each`],
    ['virtual time', `${(counters.virtualMs / 1_000).toFixed(1)} s, ${counters.actions} actions`],
    ['signatures', `${counters.signatureChecks} checked, each once`],
    ['traffic', `${(counters.bytesSent / 1e6).toFixed(1)} MB`],
    ['trace', traceSha256],
  ];
  return [renderTable(['WHAT', 'FOUND'], rows, ''), ...violations.map((text) => `violation: ${text}`)].join('\n');
}

/** A share of all, as `0.1` or `10%`. */
function shareOption(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!/^[0-9]{1,3}(\.[0-9]{1,6})?%?$/.test(text) || !(value >= 0 && value <= 0.9))
    throw new InvalidArgumentError('expected a share from 0% to 90%');
  return value;
}

/** One span or two with a hyphen between them. */
function latencyOption(text: string): LatencyRange {
  const [min = '', max = min, ...more] = text.split('-');
  try {
    const range = { minMs: parseDuration(min), maxMs: parseDuration(max) };
    if (more.length === 0 && range.minMs <= range.maxMs && range.maxMs <= LATENCY_MS_MAX) return range;
  } catch {
    // said below
  }
  throw new InvalidArgumentError('expected 20ms, or 5ms-60ms, up to 60s');
}
