import { didYouMean } from '../config/did-you-mean.ts'
import type { Config } from '../config/server-options.ts'
import { usageFailure } from '../failure.ts'
import { PRESET_NAMES, type PresetName, type PresetSettings } from './preset.ts'

type Choices = Pick<
  Config,
  'preset' | 'presetAuth' | 'presetClock' | 'presetDefault' | 'presetLevel' | 'presetRequireUid' | 'presets'
>

/** Switches that one preset has and the others do not. */
const OWNERS = { clock: 'client-id', requireUid: 'session' } as const

/**
 * The presets that are configured: those of `--preset`, all at the root, or those of `presets`.
 * @throws Failure for an unknown name, a prefix or a namespace that is none, when both ways are used, or when nobody
 * could tell two of them apart
 */
export function presetSettings(choices: Choices): readonly PresetSettings[] {
  const { preset, presetAuth, presetClock, presetDefault, presetLevel, presetRequireUid, presets } = choices
  if (preset.length > 0 && presets.length > 0) {
    throw usageFailure('preset and presets exclude each other: name all of them in presets.')
  }
  for (const [option, isOn, name] of [
    ['presetClock', presetClock, OWNERS.clock],
    ['presetRequireUid', presetRequireUid, OWNERS.requireUid],
  ] as const) {
    if (isOn && !preset.includes(name)) {
      throw usageFailure(`${option} is on, but ${name}, which it is for, is not among those of preset.`)
    }
  }
  const atRoot = preset.map((text) => {
    const name = presetName(text)
    const clock = presetClock && name === OWNERS.clock
    const requireUid = presetRequireUid && name === OWNERS.requireUid
    return { name, prefix: '', level: presetLevel, auth: presetAuth, namespace: '', clock, requireUid }
  })
  const settings = [...atRoot, ...presets].map((one): PresetSettings => {
    return { ...one, isDefault: one.name === presetDefault }
  })
  const places = new Set<string>()
  for (const { name, prefix, namespace, ...switches } of settings) {
    refuseUnless(
      /^(?:\/[A-Za-z0-9._~-]+)*$/,
      prefix,
      `The prefix of the preset ${name} is a path such as /push, or left out for the root`,
    )
    refuseUnless(
      /^[A-Za-z0-9._~-]*$/,
      namespace,
      `The namespace of the preset ${name} is a word such as shop`,
    )
    for (const [option, owner] of Object.entries(OWNERS)) {
      if (switches[option as keyof typeof OWNERS] && name !== owner) {
        throw usageFailure(`The preset ${name} has no ${option}: ${owner} has.`)
      }
    }
    const place = `${name} at ${prefix}/`
    if (places.has(place)) throw usageFailure(`There are two presets ${place}: nobody could tell them apart.`)
    places.add(place)
  }
  if (presetDefault !== 'none' && !settings.some(({ isDefault }) => isDefault)) {
    throw usageFailure(`presetDefault is ${presetDefault}, which is not among the presets.`)
  }
  return settings
}

function refuseUnless(pattern: RegExp, text: string, rule: string): void {
  if (!pattern.test(text)) throw usageFailure(`${rule}, not ${JSON.stringify(text)}.`)
}

function presetName(name: string): PresetName {
  const known = PRESET_NAMES.find((candidate) => candidate === name)
  if (known) return known
  throw usageFailure(
    `There is no preset ${JSON.stringify(name)}: ${PRESET_NAMES.join(', ')}.${didYouMean(name, PRESET_NAMES)}`,
  )
}
