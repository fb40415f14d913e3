# Monitor: does what has begun still hold. What each use states or counts for itself is left to it.
package trustspace.points

kinds["monitor"] := {"agreement"}

under_agreement contains "monitor"
