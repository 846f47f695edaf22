# Evaluates the expressions of Fluentd's configuration: what a record becomes by the <record> of some filters. It is not
# Fluentd, and says nothing about what its plugins do beside that.
#
# In: [{tag, expression, text, filters: [{record, renew, remove}]}]. Out: a record for each.

require "json"

def evaluate(text, tag, record)
  code = text[/\A\$\{(.+)\}\z/m, 1]
  code ? binding.eval(code) : text
end

records = JSON.parse($stdin.read).map do |one|
  found = Regexp.new(one["expression"][1..-2]).match(one["text"]) or abort "not matched: #{one['text']}"
  record = found.named_captures.except("time", "logtag")
  record = record.except("line").merge(JSON.parse(record["line"])) if one["json"]
  one["filters"].each do |filter|
    fresh = filter["record"].to_h { |key, text| [key, evaluate(text, one["tag"], record)] }
    record = (filter["renew"] ? {} : record).merge(fresh).except(*filter["remove"])
  end
  record
end
puts JSON.generate(records)
