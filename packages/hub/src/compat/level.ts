/**
 * How exactly a stream is that of the system it stands for. `strict`: its bytes, without its faults. `enhanced`: the same
 * frames, and what a conforming EventSource ignores or profits from: ids, comments, a word about a loss.
 */
export type Level = 'strict' | 'enhanced'
