/** What the command's exit codes mean; those of the four causes are `Doctor.exitCode`'s. The README and `--help` list them. */

export const success = 0
/** Any other failure of a call. */
export const failed = 1
/** The server is down, or cannot be reached. */
export const down = 3
/** The server or the model is too slow for the limits in force. */
export const slow = 4
/** The server, a gateway, a quota or the client's own queue has shed the call. */
export const overloaded = 5
/** A firewall, a proxy, a certificate or the server's own rules are in the way. */
export const blocked = 6
/** The command line makes no sense (the codes from here on are those of sysexits.h). */
export const usage = 64
/** What a file holds cannot be used. */
export const badFile = 65
/** A file cannot be read. */
export const noFile = 66
/** A defect of this program. */
export const defect = 70
/** A variable of the environment cannot be used. */
export const badEnvironment = 78

/** For `--help`. */
export const meanings: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [success, "all is well"],
  [failed, "the call failed for a reason that is none of these"],
  [down, "the server is down or cannot be reached"],
  [slow, "the server or the model is slower than a timeout allows"],
  [overloaded, "the server has more calls than it can work on"],
  [blocked, "a firewall, a proxy or the server's own rules are in the way"],
  [usage, "the command line is wrong"],
  [badFile, "a policy file is wrong"],
  [noFile, "a file cannot be read"],
  [defect, "a defect of this program"],
  [badEnvironment, "a variable of the environment is wrong"],
  [130, "ended by Ctrl-C"]
]
