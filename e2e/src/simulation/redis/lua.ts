import luaparse, { type Expression, type Statement } from 'luaparse'

/** What a Lua table or value is here: lists keep Lua's own numbers, so a JavaScript array's place 0 is never used. */
type Value = unknown

/** Calls a command of Redis; answers as Lua sees it. */
export type RedisCall = (...args: readonly (string | number)[]) => Value

/** A script that can be run. Answers as a client sees it. */
export type CompiledScript = (keys: readonly string[], args: readonly string[], call: RedisCall) => unknown

/**
 * Compiles the Lua of a script to JavaScript: the part of Lua that the log's scripts are written in, with its truth,
 * its strings that are no numbers, and its numbers that lose digits when they become text.
 * @throws Error for what is not part of it
 */
export function compileLua(source: string): CompiledScript {
  const { body } = luaparse.parse(source, { encodingMode: 'pseudo-latin1', luaVersion: '5.1' })
  const names = Object.keys(LIBRARY)
  const run = new Function(...names, 'KEYS', 'ARGV', 'redis', block(body))
  const library = Object.values(LIBRARY)
  return (keys, args, call) =>
    toReply(
      first(
        run(...library, list(keys), list(args), { call: (...given: (string | number)[]) => call(...given) }),
      ),
    )
}

/** A list of Lua. */
export function list(items: readonly Value[]): Value[] {
  return [undefined, ...items]
}

/** More than one value at once. */
class Several {
  readonly values: readonly Value[]

  constructor(values: readonly Value[]) {
    this.values = values
  }
}

function first(value: Value): Value {
  return value instanceof Several ? value.values[0] : value
}

function all(value: Value): readonly Value[] {
  return value instanceof Several ? value.values : [value]
}

function isTrue(value: Value): boolean {
  return value !== undefined && value !== false
}

function num(value: Value): number {
  if (typeof value === 'number') return value
  const number = toNumber(value)
  if (number === undefined) throw new Error(`attempt to perform arithmetic on ${String(value)}`)
  return number
}

function toNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^\s*-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return undefined
  return Number(value)
}

function isLess(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  if (typeof a === 'string' && typeof b === 'string') return a < b
  throw new Error(`attempt to compare ${String(a)} with ${String(b)}`)
}

/** Of a number only 14 digits are left. */
function toText(value: Value): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(Number(value.toPrecision(14)))
  throw new Error(`attempt to concatenate ${String(value)}`)
}

function length(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length - 1
  throw new Error(`attempt to get the length of ${String(value)}`)
}

/** What a client is answered. */
function toReply(value: Value): unknown {
  if (value === undefined || value === false) return null
  if (typeof value === 'number') return Math.trunc(value)
  if (!Array.isArray(value)) return value
  const end = value.indexOf(undefined, 1)
  return value.slice(1, end < 0 ? undefined : end).map(toReply)
}

const patterns = new Map<string, RegExp>()

/** A pattern of Lua, as far as it is a regular expression in other words. */
function pattern(text: string): RegExp {
  let known = patterns.get(text)
  if (!known) {
    if (/%[^dsSw.]|[-*]\?|\$./.test(text)) throw new Error(`The pattern ${text} is not known here.`)
    known = new RegExp(text.replace(/%([dsSw])/g, '\\$1').replaceAll('%.', '\\.'))
    patterns.set(text, known)
  }
  return known
}

const LIBRARY = {
  $first: first,
  $all: all,
  $isTrue: isTrue,
  $num: num,
  $isLess: isLess,
  $toText: toText,
  $length: length,
  $several: (...values: Value[]): Several => new Several(values),
  tonumber: toNumber,
  tostring: (value: Value): string => (typeof value === 'boolean' ? String(value) : toText(value)),
  type: (value: Value): string =>
    value === undefined ? 'nil' : Array.isArray(value) ? 'table' : typeof value,
  ipairs: (items: Value[]): Value[] => items,
  unpack: (items: Value[]): Several => new Several(items.slice(1)),
  math: {
    max: (...values: Value[]) => Math.max(...values.map(num)),
    min: (...values: Value[]) => Math.min(...values.map(num)),
    floor: (value: Value) => Math.floor(num(value)),
    huge: Number.POSITIVE_INFINITY,
  },
  string: {
    format(template: string, ...values: Value[]) {
      let next = 0
      return template.replace(/%(\.0f|d|s)/g, (_, kind) =>
        kind === 's' ? toText(values[next++]) : num(values[next++]).toFixed(0),
      )
    },
    match(text: string, wanted: string) {
      const found = pattern(wanted).exec(text)
      if (!found) return undefined
      return new Several(found.length > 1 ? found.slice(1) : [found[0]])
    },
    sub: (text: string, start: number, end: number) => text.slice(start - 1, end),
  },
  table: {
    insert(items: Value[], ...rest: [Value] | [number, Value]) {
      if (rest.length === 1) items.push(rest[0])
      else items.splice(rest[0], 0, rest[1])
    },
    concat: (items: Value[], between = '') => items.slice(1).map(toText).join(between),
  },
  cjson: {
    encode: (value: Value) => JSON.stringify(Array.isArray(value) ? value.slice(1) : value),
  },
}

function block(statements: readonly Statement[]): string {
  return statements.map(statement).join('\n')
}

function statement(node: Statement): string {
  switch (node.type) {
    case 'LocalStatement':
      return `let ${assigned(node.variables.map(expression), node.init)};`
    case 'AssignmentStatement':
      if (node.variables.length > 1 && node.init.length > 1) break
      return `${assigned(node.variables.map(expression), node.init)};`
    case 'CallStatement':
      return `${call(node.expression)};`
    case 'FunctionDeclaration': {
      if (!node.isLocal || node.identifier?.type !== 'Identifier') break
      return `function ${node.identifier.name}(${node.parameters.map(expression).join(', ')}) {\n${block(node.body)}\n}`
    }
    case 'ReturnStatement': {
      const [only, ...more] = node.arguments
      if (!only) return 'return;'
      if (more.length > 0) return `return $several(${node.arguments.map(expression).join(', ')});`
      return `return ${only.type === 'CallExpression' ? call(only) : expression(only)};`
    }
    case 'IfStatement':
      return node.clauses
        .map((clause) =>
          clause.type === 'ElseClause'
            ? `else {\n${block(clause.body)}\n}`
            : `${clause.type === 'IfClause' ? '' : 'else '}if ($isTrue(${expression(clause.condition)})) {\n${block(clause.body)}\n}`,
        )
        .join(' ')
    case 'WhileStatement':
      return `while ($isTrue(${expression(node.condition)})) {\n${block(node.body)}\n}`
    case 'BreakStatement':
      return 'break;'
    case 'ForNumericStatement': {
      const name = node.variable.name
      const step = node.step ? `$num(${expression(node.step)})` : '1'
      return `for (let ${name} = $num(${expression(node.start)}), $end = $num(${expression(node.end)}); ${name} <= $end; ${name} += ${step}) {\n${block(node.body)}\n}`
    }
    case 'ForGenericStatement': {
      const [index, item] = node.variables
      const [source] = node.iterators
      if (source?.type !== 'CallExpression' || expression(source.base) !== 'ipairs' || !index || !item) break
      return `for (const [${index.name}, ${item.name}] of (${expression(source)}).entries()) {\nif (${index.name} === 0) continue;\n${block(node.body)}\n}`
    }
  }
  throw new Error(`Lua's ${node.type} is not known here, or not in this form.`)
}

/** Names to the left of values; one call may give several. */
function assigned(names: readonly string[], values: readonly Expression[]): string {
  const [only] = values
  if (names.length > 1 && values.length === 1 && only?.type === 'CallExpression') {
    return `[${names.join(', ')}] = $all(${call(only)})`
  }
  return names
    .map((name, i) => {
      const value = values[i]
      return value ? `${name} = ${expression(value)}` : `${name} = undefined`
    })
    .join(', ')
}

function call(node: Expression): string {
  if (node.type !== 'CallExpression') throw new Error(`Lua's ${node.type} is not known here.`)
  const args = node.arguments.map(expression)
  // All that the last one gives is handed over.
  const last = node.arguments.at(-1)
  if (last?.type === 'CallExpression') args[args.length - 1] = `...$all(${call(last)})`
  return `${expression(node.base)}(${args.join(', ')})`
}

function expression(node: Expression): string {
  switch (node.type) {
    case 'Identifier':
      return node.name
    case 'StringLiteral':
      return JSON.stringify(node.value)
    case 'NumericLiteral':
    case 'BooleanLiteral':
      return String(node.value)
    case 'NilLiteral':
      return 'undefined'
    case 'CallExpression':
      return `$first(${call(node)})`
    case 'IndexExpression':
      return `${expression(node.base)}[${expression(node.index)}]`
    case 'MemberExpression':
      return `${expression(node.base)}.${node.identifier.name}`
    case 'TableConstructorExpression':
      return table(node)
    case 'UnaryExpression': {
      const value = expression(node.argument)
      if (node.operator === 'not') return `(!$isTrue(${value}))`
      if (node.operator === '#') return `$length(${value})`
      if (node.operator === '-') return `(-$num(${value}))`
      break
    }
    case 'LogicalExpression': {
      const [left, right] = [expression(node.left), expression(node.right)]
      return node.operator === 'and'
        ? `(($) => $isTrue($) ? ${right} : $)(${left})`
        : `(($) => $isTrue($) ? $ : ${right})(${left})`
    }
    case 'BinaryExpression': {
      const [left, right] = [expression(node.left), expression(node.right)]
      const build = BINARY[node.operator]
      if (build) return build(left, right)
    }
  }
  throw new Error(`Lua's ${node.type} is not known here, or not in this form.`)
}

const BINARY: Readonly<Record<string, (left: string, right: string) => string>> = {
  '==': (left, right) => `(${left} === ${right})`,
  '~=': (left, right) => `(${left} !== ${right})`,
  '<': (left, right) => `$isLess(${left}, ${right})`,
  '>': (left, right) => `$isLess(${right}, ${left})`,
  '<=': (left, right) => `(!$isLess(${right}, ${left}))`,
  '>=': (left, right) => `(!$isLess(${left}, ${right}))`,
  '+': (left, right) => `($num(${left}) + $num(${right}))`,
  '-': (left, right) => `($num(${left}) - $num(${right}))`,
  '*': (left, right) => `($num(${left}) * $num(${right}))`,
  '/': (left, right) => `($num(${left}) / $num(${right}))`,
  '%': (left, right) => `($num(${left}) % $num(${right}))`,
  '..': (left, right) => `($toText(${left}) + $toText(${right}))`,
}

/** A list, or a record: no table of ours is both. */
function table({ fields }: Extract<Expression, { type: 'TableConstructorExpression' }>): string {
  const records = fields.map((field) =>
    field.type === 'TableKeyString' ? `${field.key.name}: ${expression(field.value)}` : undefined,
  )
  if (fields.length > 0 && records.every((record) => record !== undefined)) return `{ ${records.join(', ')} }`
  const items = fields.map((field) => (field.type === 'TableValue' ? expression(field.value) : undefined))
  if (items.some((item) => item === undefined))
    throw new Error('A table that is a list and a record is not known here.')
  return `[${['undefined', ...items].join(', ')}]`
}
