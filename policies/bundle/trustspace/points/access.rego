# Access: bytes are about to leave, or are used at the consumer. Nothing is left open here.
package trustspace.points

kinds["access"] := {"agreement"}

under_agreement contains "access"

# Seconds for which an allow may be leased.
longest_lease := 60
