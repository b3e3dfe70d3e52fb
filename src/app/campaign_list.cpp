/// The lists of a campaign: strings of the job file, or the lines of a file.
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "orbitmill/app/campaign_job.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {
namespace {

/// Keeps a broken file of gigabytes without line ends out of memory; no register is that long.
constexpr std::size_t max_line_bytes = std::size_t{8} << 20;
/// What the file keeps of an entry that is no register.
constexpr std::size_t kept_text_bytes = 200;

class ListReader {
 public:
  ListReader(const SourceOptions& source, std::uint64_t number, const Field& field,
             CampaignJob& job)
      : source_(source), number_(number), field_(field), job_(job) {}

  void read(const std::string& text, std::uint64_t line) {
    try {
      const ParsedRegister parsed = parse(text);
      // Checks that belong to no notation: stages, coefficients, repeated terms.
      const Register reg({field_.order(), "", parsed.length, parsed.feedback}, field_);
      const std::string asked = register_key(field_.order(), reg.length(), reg.feedback());
      job_.entries.push_back({number_, line, job_.list.size()});
      job_.list.add(register_key(field_.order(), reg.length(),
                                 canonical_feedback(reg.feedback(), reg.length(), field_)),
                    asked);
    } catch (const JobError& error) {
      job_.entries.push_back({number_, line, RegisterList::none});
      job_.unreadable.push_back({number_, line, text.substr(0, kept_text_bytes), error.what()});
    }
  }

 private:
  ParsedRegister parse(const std::string& text) const {
    if (!source_.lengths) return parse_coefficients(text, field_);
    const auto length = static_cast<std::uint32_t>(source_.lengths->first);
    return {length, parse_feedback(text, field_, length)};
  }

  const SourceOptions& source_;
  std::uint64_t number_;
  const Field& field_;
  CampaignJob& job_;
};

/// As std::getline, but never more than max_line_bytes and one: a device has no line ends.
bool read_line(std::istream& file, std::string& line) {
  line.clear();
  for (char letter = 0; line.size() <= max_line_bytes && file.get(letter);) {
    if (letter == '\n') return true;
    line.push_back(letter);
  }
  return !line.empty();
}

void read_rows_file(const SourceOptions& source, const std::filesystem::path& path,
                    ListReader& reader) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  std::ifstream file(path, std::ios::binary);
  if (is_folder || !file) {
    throw JobError(
        fmt::format("{}cannot read the rows \"{}\": {}", source.place, path.string(),
                    is_folder ? "it is a folder" : std::generic_category().message(errno)));
  }
  std::string line;
  for (std::uint64_t number = 1; read_line(file, line); ++number) {
    if (line.size() > max_line_bytes) {
      throw JobError(
          fmt::format("{}rows \"{}\": line {} has more than {} bytes; is it a text file?",
                      source.place, path.string(), number, max_line_bytes));
    }
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // UTF-8's mark
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    if (line.back() == '\r') line.pop_back();
    reader.read(line, number);
  }
  if (file.bad()) {
    throw JobError(fmt::format("{}reading the rows \"{}\" failed", source.place, path.string()));
  }
}

}  // namespace

void read_list_source(const SourceOptions& source, std::uint64_t number, const Field& field,
                      const std::filesystem::path& folder, CampaignJob& job) {
  ListReader reader(source, number, field, job);
  if (source.rows) {
    const std::filesystem::path path = *source.rows;
    read_rows_file(source, path.is_absolute() ? path : folder / path, reader);
    return;
  }
  std::uint64_t line = 0;
  for (const std::string& text : source.list) reader.read(text, ++line);
}

}  // namespace orbitmill
