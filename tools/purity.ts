import type { Node } from 'oxc-parser';
import { childrenOf, type FreeName, freeNamesOf, type SourceFile } from './syntax.ts';

/** One place where a file does what its folder may not. */
export interface Breach {
  readonly offset: number;
  readonly message: string;
}

/** Where the environment is read. Everybody else is handed a checked, frozen configuration. */
const ENVIRONMENT_FOLDERS: readonly string[] = ['daemon', 'cli'];

/** Global names that pure code may use: they compute, and give the same answer on every machine and at any time. */
const PURE_GLOBALS: ReadonlySet<string> = new Set([
  'AggregateError',
  'Array',
  'ArrayBuffer',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Error',
  'Float32Array',
  'Float64Array',
  'Infinity',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'Iterator',
  'JSON',
  'Map',
  'NaN',
  'Number',
  'Object',
  'Promise',
  'Proxy',
  'RangeError',
  'Reflect',
  'RegExp',
  'Set',
  'String',
  'Symbol',
  'SyntaxError',
  'TextDecoder',
  'TextEncoder',
  'TypeError',
  'URL',
  'URLSearchParams',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'WeakMap',
  'WeakSet',
  'decodeURIComponent',
  'encodeURIComponent',
  'isFinite',
  'isNaN',
  'parseFloat',
  'parseInt',
  'structuredClone',
  'undefined',
]);

/** Global names that are a clock, a timer or randomness; what a seeded folder may not use. */
const UNSEEDED_GLOBALS: ReadonlySet<string> = new Set(['crypto', 'performance', 'setInterval', 'setTimeout']);

/**
 * What the pure ranks promise: the same input gives the same output, whoever else runs in the process.
 *
 * @param meetsNode The folder calls Node.js, so its arguments may have to be called a Buffer.
 */
export function judgePurity(file: SourceFile, meetsNode: boolean): readonly Breach[] {
  const breaches: Breach[] = [];
  for (const use of freeNamesOf(file.program)) {
    const message = judgeClockOrRandom(use) ?? judgePureGlobal(use);
    if (message !== undefined) breaches.push({ offset: use.node.start, message });
  }
  for (const node of nodesOf(file.program)) {
    const message = judgePureNode(node) ?? (meetsNode ? undefined : judgeNodeType(node));
    if (message !== undefined) breaches.push({ offset: node.start, message });
  }
  for (const node of file.program.body) breaches.push(...judgeModuleState(node));
  return breaches;
}

/** What a simulation promises: a seed gives the same run again. */
export function judgeReplay(file: SourceFile): readonly Breach[] {
  return freeNamesOf(file.program).flatMap((use) => {
    const message = UNSEEDED_GLOBALS.has(use.name)
      ? `${use.name} is ambient; a simulation lives on virtual time and seeded randomness`
      : judgeClockOrRandom(use);
    return message === undefined ? [] : [{ offset: use.node.start, message }];
  });
}

/** The program does not know that it is tested, and takes its configuration where configuration is read. */
export function judgeTestAwareness(folder: string, file: SourceFile): readonly Breach[] {
  const breaches: Breach[] = [];
  for (const node of nodesOf(file.program)) {
    if ((node.type === 'IfStatement' || node.type === 'ConditionalExpression') && asksForTest(node.test)) {
      breaches.push({ offset: node.start, message: 'the program may not behave differently under test' });
    }
    if (memberName(node) === 'process.env' && !ENVIRONMENT_FOLDERS.includes(folder)) {
      const message = `${folder}/ may not read process.env; take checked configuration from daemon/`;
      breaches.push({ offset: node.start, message });
    }
    const isName = node.type === 'Literal' || node.type === 'Identifier';
    const name = node.type === 'Literal' ? node.value : node.type === 'Identifier' ? node.name : undefined;
    if (isName && (name === 'NODE_ENV' || name === 'NODE_TEST_CONTEXT')) {
      breaches.push({ offset: node.start, message: `${name} makes the program behave differently under test` });
    }
  }
  return breaches;
}

/** Two readers must not understand two things: JSON is read by the one that is strict. */
export function judgeJson(file: SourceFile): readonly Breach[] {
  return freeNamesOf(file.program).flatMap(({ name, parent, node }) => {
    const member = name === 'JSON' ? memberName(parent) : undefined;
    const isTakenApart = name === 'JSON' && parent.type === 'VariableDeclarator';
    if (member !== 'JSON.parse' && !isTakenApart) return [];
    const message = 'JSON.parse takes what other readers refuse; use parseJson of codec/json.ts';
    return [{ offset: node.start, message }];
  });
}

/** Answers over HTTP come by one client, which bounds them in bytes and time and follows no redirection. */
export function judgeFetch(file: SourceFile): readonly Breach[] {
  return freeNamesOf(file.program)
    .filter(({ name }) => name === 'fetch')
    .map(({ node }) => ({ offset: node.start, message: 'fetch bounds nothing; use exchange of host/http/client.ts' }));
}

function judgeClockOrRandom({ name, parent, node }: FreeName): string | undefined {
  const member = memberName(parent);
  if (name === 'Date') {
    if (parent.type === 'NewExpression' && parent.callee === node && parent.arguments.length > 0) return undefined;
    if (parent.type === 'BinaryExpression' && parent.operator === 'instanceof') return undefined;
    if (member === 'Date.UTC' || member === 'Date.parse') return undefined;
    return 'Date without an argument is an ambient clock; take the time as an argument';
  }
  if (name === 'Math') {
    if (member === 'Math.random') return 'Math.random is ambient randomness; take it through the Random port';
    if (member === undefined) return 'use Math by its members, so that randomness can be told apart';
  }
  return undefined;
}

function judgePureGlobal({ name }: FreeName): string | undefined {
  if (name === 'Date' || name === 'Math' || PURE_GLOBALS.has(name)) return undefined;
  if (name === 'Buffer') return 'Buffer belongs to Node.js; use Uint8Array and base/bytes.ts';
  return `${name} is not among the globals of pure code; take it as an argument or through a port`;
}

function judgePureNode(node: Node): string | undefined {
  if (node.type === 'MetaProperty' && node.meta.name === 'import') {
    return 'import.meta tells where the file lies; pure code does not know';
  }
  if (node.type === 'PropertyDefinition' && node.static && !node.readonly && node.value !== null) {
    return 'a static field that can change is state of the module; make it readonly or an instance field';
  }
  return undefined;
}

function judgeNodeType(node: Node): string | undefined {
  if (node.type === 'TSTypeReference') {
    const { typeName } = node;
    if (typeName.type === 'Identifier' && typeName.name === 'Buffer') {
      return 'Buffer belongs to Node.js; use Uint8Array and base/bytes.ts';
    }
    if (typeName.type === 'TSQualifiedName' && typeName.left.type === 'Identifier' && typeName.left.name === 'NodeJS') {
      return 'types of Node.js do not belong in pure code';
    }
  }
  return undefined;
}

/** State that outlives a call and that every node of a simulation would share. */
function judgeModuleState(statement: Node): readonly Breach[] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  if (declaration?.type !== 'VariableDeclaration' || declaration.declare) return [];
  if (declaration.kind !== 'const') {
    return [
      { offset: declaration.start, message: `"${declaration.kind}" at the top is state of the module; use const` },
    ];
  }
  return declaration.declarations.flatMap(({ id, init, start }) => {
    const annotation = 'typeAnnotation' in id ? id.typeAnnotation?.typeAnnotation : undefined;
    if (init == null || !isFillable(init) || (annotation != null && isReadonlyType(annotation))) return [];
    return [{ offset: start, message: 'a container at the top is state of the module; annotate it as readonly' }];
  });
}

function isFillable(init: Node): boolean {
  if (init.type === 'ArrayExpression') return init.elements.length === 0;
  if (init.type === 'ObjectExpression') return init.properties.length === 0;
  if (init.type !== 'NewExpression' || init.callee.type !== 'Identifier') return false;
  return ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array', 'BoundedMap'].includes(init.callee.name);
}

function isReadonlyType(type: Node): boolean {
  if (type.type === 'TSTypeOperator') return type.operator === 'readonly';
  if (type.type !== 'TSTypeReference' || type.typeName.type !== 'Identifier') return false;
  return type.typeName.name.startsWith('Readonly');
}

/** Whether a condition reads a variable or member that says "test"; a call of `.test()` of a pattern does not. */
function asksForTest(condition: Node): boolean {
  if (condition.type === 'CallExpression' && condition.callee.type === 'MemberExpression') {
    return [condition.callee.object, ...condition.arguments].some(asksForTest);
  }
  if (condition.type === 'Identifier') return /^(is|in|for|under)?_?test(s|ing|mode|env)?$/i.test(condition.name);
  return childrenOf(condition).some(asksForTest);
}

/** `Object.member` for a plain member of a plain name. */
function memberName(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed) return undefined;
  if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return undefined;
  return `${node.object.name}.${node.property.name}`;
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}
