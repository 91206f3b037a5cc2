import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LoadedConfig, loadConfig } from '../config/load-config.ts'
import { Failure } from '../failure.ts'
import { PRESET_NAMES, type PresetSettings } from './preset.ts'
import { presetSettings } from './preset-settings.ts'

function settingsOf(flags: Readonly<Record<string, string>>): readonly PresetSettings[] {
  return presetSettings(load(flags).config)
}

function load(flags: Readonly<Record<string, string>>): LoadedConfig {
  return loadConfig({ flags: new Map(Object.entries(flags)), environment: new Map(), directory: '/nowhere' })
}

function refuses(flags: Readonly<Record<string, string>>, message: RegExp): void {
  assert.throws(
    () => load(flags),
    (error) => error instanceof Failure && error.exitCode === 2 && message.test(error.message),
    `${JSON.stringify(flags)} is refused with ${message}`,
  )
}

const AT_ROOT = {
  prefix: '',
  level: 'enhanced',
  auth: 'closed',
  namespace: '',
  clock: false,
  requireUid: false,
  isDefault: false,
} as const

describe('presets', () => {
  it('are none unless somebody asks for them', () => {
    assert.deepEqual(settingsOf({}), [])
  })

  it('of a list are all at the root, closed and enhanced', () => {
    assert.deepEqual(
      settingsOf({ preset: PRESET_NAMES.join(' , ') }),
      PRESET_NAMES.map((name) => ({ name, ...AT_ROOT })),
    )
  })

  it('of a list share their level and their openness; a switch is of the one that has it', () => {
    const flags = {
      preset: 'session,client-id',
      presetLevel: 'strict',
      presetAuth: 'open',
      presetClock: 'true',
      presetRequireUid: 'true',
    }
    const common = { ...AT_ROOT, level: 'strict', auth: 'open' }
    assert.deepEqual(settingsOf(flags), [
      { ...common, name: 'session', requireUid: true },
      { ...common, name: 'client-id', clock: true },
    ])
  })

  it('of records have their own places', () => {
    const presets = [
      { name: 'starter', prefix: '/a/b', level: 'strict', auth: 'open', namespace: 'shop' },
      { name: 'starter', prefix: '/c' },
      { name: 'client-id', clock: true },
      { name: 'session', requireUid: true },
    ]
    assert.deepEqual(settingsOf({ presets: JSON.stringify(presets), presetDefault: 'client-id' }), [
      { ...AT_ROOT, ...presets[0] },
      { ...AT_ROOT, ...presets[1] },
      { ...AT_ROOT, ...presets[2], isDefault: true },
      { ...AT_ROOT, ...presets[3] },
    ])
  })

  it('are refused where they cannot be meant so', () => {
    const records = (...presets: readonly object[]): { presets: string } => ({
      presets: JSON.stringify(presets),
    })
    refuses({ preset: 'notifcation' }, /^There is no preset "notifcation": .* Did you mean notification\?$/)
    refuses({ preset: 'session', ...records({ name: 'starter' }) }, /preset and presets exclude each other/)
    for (const prefix of ['push', '/push/', '/a b', '/a?b', '/*', '//a']) {
      refuses(
        records({ name: 'starter', prefix }),
        /^The prefix of the preset starter is a path such as \/push/,
      )
    }
    for (const namespace of ['a b', '@all', 'a:b', 'a,b']) {
      refuses(records({ name: 'starter', namespace }), /^The namespace of the preset starter is a word/)
    }
    refuses({ preset: 'starter,session,starter' }, /^There are two presets starter at \/:/)
    refuses(
      records({ name: 'starter', prefix: '/a', level: 'strict' }, { name: 'starter', prefix: '/a' }),
      /^There are two presets starter at \/a\/:/,
    )
    refuses({ preset: 'starter', presetDefault: 'session' }, /^presetDefault is session, which is not among/)
    refuses({ presetDefault: 'session' }, /^presetDefault is session, which is not among/)
    refuses(
      { preset: 'starter', presetClock: 'true' },
      /^presetClock is on, but client-id, which it is for, is not among/,
    )
    refuses(records({ name: 'starter', clock: true }), /^The preset starter has no clock: client-id has\.$/)
    refuses(
      { preset: 'starter', presetRequireUid: 'true' },
      /^presetRequireUid is on, but session, which it is for, is not among/,
    )
    refuses(
      records({ name: 'client-id', requireUid: true }),
      /^The preset client-id has no requireUid: session has\.$/,
    )
  })
})
