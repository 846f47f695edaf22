# Plays the filters of Fluentd's configuration on lines of containers' log files. It is not Fluentd, which no package registry brings: the
# regular expressions, patterns, Ruby expressions and routes are the configuration's own and are run by Ruby, as Fluentd would; what its
# plugins do with them is written here after their sources.
#
# In: one JSON object {tree, label, events: [[tag, time, record or line]]}. Out: {events: [[tag, time, record]], errors: [[tag, time, record, why]]}.

require "json"
require "securerandom"
require "time"

class Player
  attr_reader :out, :errors

  def initialize(tree)
    @tree = tree
    @pieces = Hash.new { |all, key| all[key] = [] }
    @out = []
    @errors = []
  end

  # A line of a file, by the <parse> of the source whose tag it has.
  def line(tag, text)
    source = @tree["inner"].find { |one| one["name"] == "source" && one["values"]["tag"] == "#{tag[/\A\w+/]}.*" }
    parse = source["inner"].find { |one| one["name"] == "parse" }["values"]
    found = regexp(parse["expression"]).match(text)
    return @errors << [tag, 0, { "message" => text }, "pattern not matched"] unless found

    record = found.named_captures
    emit(source["values"]["@label"], tag, DateTime.strptime(record.delete("time"), parse["time_format"]).to_time, record)
  end

  def emit(label, tag, time, record)
    directives = @tree["inner"].find { |one| one["name"] == "label" && one["argument"] == label }["inner"]
    run(label, directives, tag, time, record)
  end

  private

  def run(label, directives, tag, time, record)
    directives.each do |one|
      next unless matches?(one["argument"], tag)
      return route(label, one, tag, time, record) if one["name"] == "match"

      record = send("filter_#{one['values']['@type']}", one, tag, time, record)
      return if record.nil?
    end
    raise "nobody takes #{tag} in #{label}"
  end

  # The first <match> that fits: another tag, or out.
  def route(label, match, tag, time, record)
    case match["values"]["@type"]
    when "rewrite_tag_filter"
      match["inner"].each do |rule|
        key = rule["values"]["key"][/\A\$\['(.+)'\]\z/, 1]
        return emit(label, rule["values"]["tag"], time, record) if regexp(rule["values"]["pattern"]).match?(record[key].to_s)
      end
      raise "no rule for #{record}"
    when "elasticsearch"
      record = record.dup
      id = record.delete(match["values"]["id_key"])
      @out << [match["values"]["index_name"].sub("${tag}", tag), id, record, tag, time.to_f]
    when "null" then nil
    else raise "#{match['values']['@type']} is not played"
    end
  end

  # fluent-plugin-concat: only a full tag ends a line, and streams are kept apart.
  def filter_concat(one, tag, _time, record)
    values = one["values"]
    place = @pieces["#{tag}:#{record[values['stream_identity_key']]}"]
    place << record
    return unless record[values["partial_cri_logtag_key"]] == "F"

    joined = place.first.merge(record, values["key"] => place.map { |piece| piece[values["key"]] }.join(values["separator"]))
    place.clear
    joined.reject { |key, _| [values["partial_cri_logtag_key"], values["partial_cri_stream_key"]].include?(key) }
  end

  def filter_parser(one, tag, time, record)
    values = one["values"]
    parsed = JSON.parse(record[values["key_name"]])
    raise JSON::ParserError, "not an object" unless parsed.is_a?(Hash)

    record.reject { |key, _| key == values["key_name"] }.merge(parsed)
  rescue JSON::ParserError => why
    @errors << [tag, time.to_f, record, why.message[0, 200]]
    nil
  end

  # What the API server would say of a pod, as far as it is in the file's name.
  def filter_kubernetes_metadata(_one, tag, _time, record)
    found = /var\.log\.containers\.(?<pod>[^_]+)_(?<namespace>[^_]+)_(?<container>.+)-(?<id>[a-z0-9]{64})\.log\z/.match(tag) or raise "not a container's file: #{tag}"
    labels = { "app.kubernetes.io/version" => "0.0.0-test", "app.kubernetes.io/name" => "lyceum" }
    record.merge("docker" => { "container_id" => found["id"] }, "kubernetes" => {
      "pod_name" => found["pod"], "namespace_name" => found["namespace"], "container_name" => found["container"], "labels" => labels,
    })
  end

  def filter_record_transformer(one, tag, time, record)
    values = one["values"]
    made = one["inner"].find { |inner| inner["name"] == "record" }["values"]
    fresh = made.to_h { |key, text| [key, expression(text, tag, time, record)] }
    kept = values["renew_record"] == "true" ? {} : record.merge({})
    kept = kept.merge(fresh)
    values.fetch("remove_keys", "").split(",").each { |key| kept.delete(key) }
    kept
  end

  def expression(text, tag, time, record)
    tag_parts = tag.split(".")
    whole = text[/\A\$\{(.+)\}\z/m, 1]
    # Fluentd keeps the type of a value that is one expression.
    return binding.then { |here| here.local_variable_set(:tag_parts, tag_parts); here.eval(whole) } if whole

    text.gsub(/\$\{(.+?)\}/) { binding.eval(Regexp.last_match(1)).to_s }
  end

  def filter_elasticsearch_genid(one, _tag, _time, record)
    record.merge(one["values"]["hash_id_key"] => SecureRandom.uuid)
  end

  def filter_prometheus(_one, _tag, _time, record)
    record
  end

  def filter_grep(one, _tag, _time, record)
    kept = one["inner"].all? { |inner| regexp(inner["values"]["pattern"]).match?(record[inner["values"]["key"]].to_s) }
    kept ? record : nil
  end

  def regexp(text)
    Regexp.new(text[1..-2])
  end

  # Fluentd's patterns: * is one part of a tag, ** any number, {a,b} either.
  def matches?(pattern, tag)
    pattern.split(" ").any? do |one|
      source = Regexp.escape(one).gsub('\{', "(?:").gsub('\}', ")").gsub(",", "|")
      source = source.gsub('\.\*\*', '(?:\..*)?').gsub('\*\*', ".*").gsub('\*', "[^.]+")
      /\A#{source}\z/.match?(tag)
    end
  end
end

task = JSON.parse($stdin.read)
player = Player.new(task["tree"])
task["events"].each do |tag, time, what|
  what.is_a?(String) ? player.line(tag, what) : player.emit(task["label"], tag, Time.at(time), what)
end
puts JSON.generate({ "events" => player.out, "errors" => player.errors })
